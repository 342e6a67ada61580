#include <rte_config.h>
#include "cdpdk.h"
