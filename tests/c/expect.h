/* expect(condition): counts a check, and prints the place of one that fails. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>
#include <stdlib.h>

static int passed, failed;

#define expect(condition) \
  ((condition) ? (void)passed++ : (void)(failed++, fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)))

static int report(const char *name) {
  printf("%s: %d passed, %d failed\n", name, passed, failed);
  return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
