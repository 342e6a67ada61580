/// The time stamp counter, which packets' times are taken from.
enum ClockChecks {
  static func check(_ host: HostFiles, _ subject: DoctorSubject) -> [Finding] {
    let flags = Set(
      (host.text("/proc/cpuinfo") ?? "").split(separator: "\n")
        .first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }?
        .split(whereSeparator: \.isWhitespace).map(String.init) ?? [])
    return [source(host)] + counter(flags) + instructions(flags)
  }

  private static func source(_ host: HostFiles) -> Finding {
    let current =
      host.text("/sys/devices/system/clocksource/clocksource0/current_clocksource") ?? "unknown"
    // A hypervisor's own clock is made of the same counter.
    let isGood = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"]
      .contains(current)
    return Finding(
      area: .clock, check: "clock source", state: isGood ? .ok : .warning, found: current,
      why: "Where the kernel keeps time by something else than the TSC, it has found that unsteady:"
        + " packets' times will be, too, and every look at the clock goes to a slow device",
      mend: isGood
        ? []
        : ["dmesg | grep -i tsc   # says why; tsc=reliable on the kernel's command line insists"],
      needsReboot: !isGood)
  }

  private static func counter(_ flags: Set<String>) -> [Finding] {
    // Only x86 has these flags; elsewhere the counter is steady by its architecture.
    guard flags.contains("tsc") else { return [] }
    let missing = ["constant_tsc", "nonstop_tsc"].filter { !flags.contains($0) }
    return [
      Finding(
        area: .clock, check: "time stamp counter", state: missing.isEmpty ? .ok : .warning,
        found: missing.isEmpty
          ? "constant_tsc and nonstop_tsc"
          : "the processor does not say \(missing.joined(separator: ", "))",
        why:
          "A counter that follows the core's frequency, or stops with it, gives packets wrong times",
        mend: missing.isEmpty
          ? [] : ["a virtual machine's definition: CPU host-passthrough with invtsc"])
    ]
  }

  /// DPDK and Martlet are built for SSE4.2.
  private static func instructions(_ flags: Set<String>) -> [Finding] {
    guard flags.contains("tsc"), !flags.contains("sse4_2") else { return [] }
    return [
      Finding(
        area: .clock, check: "instruction set", state: .failure,
        found: "the processor has no SSE4.2",
        why: "DPDK is built for it, and ends at once without",
        mend: ["a processor of 2009 or later, or CPU host-passthrough for a virtual machine"])
    ]
  }
}
