// SPDX-License-Identifier: GPL-2.0
/*
 * Zones in the kernel's own power capping class, for machines without RAPL: a package and up to three parts below it.
 *
 * The energy of zone i is the integral of power_uw[i], which may be written while the module is loaded: what was used until
 * the write is booked at the old power. It wraps at range_uj. As everywhere since 5.10, energy_uj is for root alone.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/powercap.h>
#include <linux/slab.h>
#include <linux/string.h>

#define MOST 4

static int zones = 2;
module_param(zones, int, 0444);
static ulong range_uj = 262143328850UL;
module_param(range_uj, ulong, 0444);

static uint powers[MOST] = { 1500000, 500000, 250000, 100000 };
static const char * const names[MOST] = { "package-0", "core", "uncore", "dram" };

static struct part {
	struct powercap_zone zone;
	u64 energy_uj, rest_nw_ns, since_ns, limit_uw;
	int index;
} parts[MOST];
static struct powercap_control_type *control;
static DEFINE_MUTEX(books);

#define part_of(z) container_of(z, struct part, zone)

/* Books what was used since the last call; parts of a microjoule are kept. */
static void book(struct part *part)
{
	u64 now = ktime_get_ns();
	/* microwatts * ns = femtojoules; 1e9 of them are a microjoule. In steps, so that the product fits. */
	u64 left = now - part->since_ns;

	while (left) {
		u64 step = min_t(u64, left, NSEC_PER_SEC);
		u64 rest;

		part->rest_nw_ns += step * powers[part->index];
		part->energy_uj += div64_u64_rem(part->rest_nw_ns, NSEC_PER_SEC, &rest);
		part->rest_nw_ns = rest;
		left -= step;
	}
	div64_u64_rem(part->energy_uj, range_uj, &part->energy_uj);
	part->since_ns = now;
}

static int set_powers(const char *text, const struct kernel_param *parameter)
{
	uint wanted[MOST];
	int count = 0, at;
	char *copy = kstrdup(text, GFP_KERNEL), *rest = copy, *word;

	if (!copy)
		return -ENOMEM;
	while ((word = strsep(&rest, ",")) && count < MOST)
		if (kstrtouint(strim(word), 10, &wanted[count++])) {
			kfree(copy);
			return -EINVAL;
		}
	kfree(copy);
	mutex_lock(&books);
	for (at = 0; at < count; at++) {
		if (parts[at].since_ns)
			book(&parts[at]);
		powers[at] = wanted[at];
	}
	mutex_unlock(&books);
	return 0;
}

static int get_powers(char *text, const struct kernel_param *parameter)
{
	return scnprintf(text, PAGE_SIZE, "%u,%u,%u,%u\n", powers[0], powers[1], powers[2], powers[3]);
}

static const struct kernel_param_ops power_operations = { .set = set_powers, .get = get_powers };
module_param_cb(power_uw, &power_operations, NULL, 0644);

static int get_range(struct powercap_zone *zone, u64 *value)
{
	*value = range_uj;
	return 0;
}

static int get_energy(struct powercap_zone *zone, u64 *value)
{
	mutex_lock(&books);
	book(part_of(zone));
	*value = part_of(zone)->energy_uj;
	mutex_unlock(&books);
	return 0;
}

static int reset_energy(struct powercap_zone *zone)
{
	mutex_lock(&books);
	book(part_of(zone));
	part_of(zone)->energy_uj = 0;
	mutex_unlock(&books);
	return 0;
}

static int released(struct powercap_zone *zone) { return 0; }

static const struct powercap_zone_ops zone_operations = {
	.get_max_energy_range_uj = get_range,
	.get_energy_uj = get_energy,
	.reset_energy_uj = reset_energy,
	.release = released,
};

static int set_limit(struct powercap_zone *zone, int id, u64 value)
{
	part_of(zone)->limit_uw = value;
	return 0;
}

static int get_limit(struct powercap_zone *zone, int id, u64 *value)
{
	*value = part_of(zone)->limit_uw;
	return 0;
}

static int set_window(struct powercap_zone *zone, int id, u64 value) { return -EOPNOTSUPP; }

static int get_window(struct powercap_zone *zone, int id, u64 *value)
{
	*value = 999424;
	return 0;
}

static const char *limit_name(struct powercap_zone *zone, int id) { return "long_term"; }

static const struct powercap_zone_constraint_ops limit_operations = {
	.set_power_limit_uw = set_limit,
	.get_power_limit_uw = get_limit,
	.set_time_window_us = set_window,
	.get_time_window_us = get_window,
	.get_name = limit_name,
};

static void unload(int count)
{
	while (--count >= 0)
		powercap_unregister_zone(control, &parts[count].zone);
	powercap_unregister_control_type(control);
}

static int __init load(void)
{
	int at;

	if (zones < 1 || zones > MOST || !range_uj)
		return -EINVAL;
	control = powercap_register_control_type(NULL, "intel-rapl", NULL);
	if (IS_ERR(control))
		return PTR_ERR(control);
	for (at = 0; at < zones; at++) {
		struct powercap_zone *zone;

		parts[at].index = at;
		parts[at].since_ns = ktime_get_ns();
		parts[at].limit_uw = 15000000;
		zone = powercap_register_zone(&parts[at].zone, control, names[at], at ? &parts[0].zone : NULL,
					      &zone_operations, 1, &limit_operations);
		if (IS_ERR(zone)) {
			unload(at);
			return PTR_ERR(zone);
		}
	}
	return 0;
}

static void __exit leave(void) { unload(zones); }

module_init(load);
module_exit(leave);
MODULE_DESCRIPTION("Zones of a known power in the power capping class");
MODULE_LICENSE("GPL");
