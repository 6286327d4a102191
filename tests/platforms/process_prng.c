/* bcryptprimitives.dll, which wine before 9 lacks: the function of it that Rust's standard library calls. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom, in advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
  while (length > 0) {
    ULONG part = length < MAXLONG ? (ULONG)length : MAXLONG;
    if (!SystemFunction036(buffer, part)) return FALSE;
    buffer += part, length -= part;
  }
  return TRUE;
}
