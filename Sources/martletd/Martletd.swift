@main struct Martletd { static func main() {} }
