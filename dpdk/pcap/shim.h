// libpcap as Swift sees it: the compiler of filter expressions, and the reference of their executor.
#include <pcap/pcap.h>
