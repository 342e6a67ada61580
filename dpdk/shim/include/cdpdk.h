#ifndef CDPDK_H
#define CDPDK_H
#include "martlet_burst.h"
#endif
