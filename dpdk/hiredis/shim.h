// hiredis as Swift sees it. It can go when hiredis ships a module map of its own.
#include <hiredis/hiredis.h>
