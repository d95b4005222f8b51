# Layer 5: 200 MiB, every page of it touched.
import vitrine

try:
    block = bytearray(200 << 20)
    for start in range(0, len(block), 4096):
        block[start] = 1
    vitrine.result("worked")
except MemoryError:
    vitrine.result("refused")
