/* Lets a User-Mode-Linux kernel run on processors whose register state is larger than it knows (AMX, for one).
 *
 * The kernel in the bed saves 2696 bytes of a traced process's extended state and writes the same 2696 back. A host with
 * more state reads such a write as half a buffer and refuses it with EFAULT ("ptrace set fp regs failed, errno = 14").
 * So a short write is completed here with what the process has now. Loaded with LD_PRELOAD; nothing else is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

/* The largest state of any processor so far is below 12 KiB. */
static unsigned char whole[1 << 16];

typedef long (*ptrace_call)(enum __ptrace_request, ...);

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  pid_t pid = va_arg(arguments, pid_t);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);

  static ptrace_call next;
  if (!next) next = (ptrace_call)dlsym(RTLD_NEXT, "ptrace");
  if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE) return next(request, pid, address, data);

  struct iovec given = *(struct iovec *)data;
  struct iovec now = {whole, sizeof whole};
  if (next(PTRACE_GETREGSET, pid, address, &now) != 0) return -1;
  if (given.iov_len < now.iov_len) memcpy(whole, given.iov_base, given.iov_len);
  else now = given;
  return next(PTRACE_SETREGSET, pid, address, &now);
}
