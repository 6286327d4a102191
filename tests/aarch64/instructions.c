/* A plugin of qemu: prints how many instructions a program executed. The declarations are those of version 1 of qemu's
 * interface, of which packages of qemu have no header. */

#include <stdint.h>
#include <stdio.h>

typedef uint64_t Id;
struct block;

enum { ADD = 0 };

size_t qemu_plugin_tb_n_insns(const struct block *block);
void qemu_plugin_register_vcpu_tb_trans_cb(Id id, void (*translated)(Id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct block *block, int operation, void *counter, uint64_t immediate);
void qemu_plugin_register_atexit_cb(Id id, void (*at_exit)(Id, void *), void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t count;

static void translated(Id id, struct block *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &count, qemu_plugin_tb_n_insns(block));
}

static void at_exit(Id id, void *data) {
  (void)id;
  (void)data;
  fprintf(stderr, "%llu\n", (unsigned long long)count);
}

__attribute__((visibility("default"))) int qemu_plugin_install(Id id, const void *info, int argc, char **argv) {
  (void)info;
  (void)argc;
  (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, at_exit, NULL);
  return 0;
}
