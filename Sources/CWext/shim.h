/* What Swift sees of iw. */
#pragma once
#include <iwlib.h>
