// Runs isobit_pair until it has compared all operands, or found a wrong product. Prints whether it did, and how many it compared.
#include <cstdio>
#include <memory>

#include "Visobit_pair.h"
#include "verilated.h"

int main() {
  const std::unique_ptr<VerilatedContext> context(new VerilatedContext);
  const std::unique_ptr<Visobit_pair> pair(new Visobit_pair(context.get()));
  while (!pair->done) {
    pair->clk = 0;
    pair->eval();
    pair->clk = 1;
    pair->eval();
  }
  std::printf("%u %u\n", unsigned(pair->wrong), unsigned(pair->compared));
}
