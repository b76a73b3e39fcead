# build.mk: the kernels' own rules.  Each source in vm/kernel/multi/ is compiled four times: for two instruction sets (x86-64-v3 and
# x86-64-v4) and for float and double.  The four builds hold the same code under different names (vm/kernel/multi/multi.h).
#
# No flag here may change a value: -fno-math-errno and -fno-trapping-math only give up errno and exception flags.

KERNEL_OWN   := $(sort $(wildcard vm/kernel/multi/*.c))
KERNEL_FLAGS := -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math
KERNEL_ARCH_v3 := -march=x86-64-v3
KERNEL_ARCH_v4 := -march=x86-64-v4 -mprefer-vector-width=512
KERNEL_OBJECTS :=

define KERNEL_BUILD
$$(BUILD_DIR)/obj/vm/kernel/multi/%.$(1).$(2).o: vm/kernel/multi/%.c
	@mkdir -p $$(@D)
	$$(call say,cc,$$< ($(1) $(2)))$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(KERNEL_FLAGS) $$(KERNEL_ARCH_$(1)) -DBUILD=$(1) -DREAL_BITS=$(2) -MMD -MP -c -o $$@ $$<
KERNEL_OBJECTS += $$(KERNEL_OWN:%.c=$$(BUILD_DIR)/obj/%.$(1).$(2).o)
endef
$(foreach arch,v3 v4,$(foreach bits,32 64,$(eval $(call KERNEL_BUILD,$(arch),$(bits)))))

-include $(KERNEL_OBJECTS:.o=.d)
