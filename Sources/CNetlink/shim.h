/* What Swift sees of nl-genl-3. */
#pragma once
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/genl/ctrl.h>
#include <linux/nl80211.h>
#include <linux/rtnetlink.h>
