// Weights as they are stored: integers of weight_t or, where a configuration has a code_t and a RUN, tapered codes,
// which are decoded beside the multiplier. What reads a weight once and uses it several times decodes it once.
//
// A code TFX(N, RUN) of N bits is a sign, a run of at most RUN bits that differ from it, one bit like it that ends a
// shorter run, and a fraction. It stands for run + fraction, or -1 - run + fraction; here in units of the finest step,
// 2^-(N - 2), which makes it an integer of N - 1 + ceil(log2(RUN + 1)) bits. The codes rise with their numbers.
#ifndef ISOBIT_TAPERED_HPP
#define ISOBIT_TAPERED_HPP

#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

// The integer of a code. Codes of negative numbers are decoded upside down: inverted before and after.
template <int RUN, class Number, class Code>
Number tapered(const Code& code) {
#pragma HLS INLINE
  static const int N = int_traits<Code>::WIDTH;
  static_assert(int_traits<Code>::SIGNED && 1 <= RUN && RUN < N, "a sign, and a run in what is left");
  typedef typename working<N + ceil_log2(RUN + 1)>::type wide_t;
  const bool negative = code < 0;
  const wide_t bits = negative ? wide_t(-1 - code) : wide_t(code);  // the run's bits are ones, what ends it is a zero
  wide_t number = 0;
  bool running = true;
  for (int run = 0; run <= RUN; ++run) {
#pragma HLS UNROLL
    const int fraction = N - 1 - run - (run < RUN ? 1 : 0);  // bits that are left for it
    const int below = N - 2 - fraction;                      // places below its last bit
    if (running && (run == RUN || ((bits >> fraction) & 1) == 0)) {
      const wide_t part = bits & wide_t((1 << fraction) - 1);
      number = wide_t(run << (N - 2)) + wide_t(part << below) + wide_t(negative ? (1 << below) - 1 : 0);
      running = false;
    }
  }
  return negative ? Number(-1 - number) : Number(number);
}

namespace detail {
template <class T>
struct exists {
  typedef void type;
};

// A configuration's weights in a row of LANES (rom.hpp), whatever lies there.
template <class Cfg, class = void>
struct stored_weight {
  template <int LANES, class Word, int WORDS>
  static typename Cfg::weight_t read(const Word (&row)[WORDS], int lane) {
#pragma HLS INLINE
    return from_row<typename Cfg::weight_t, LANES>(row, lane);
  }
};
template <class Cfg>
struct stored_weight<Cfg, typename exists<typename Cfg::code_t>::type> {
  template <int LANES, class Word, int WORDS>
  static typename Cfg::weight_t read(const Word (&row)[WORDS], int lane) {
#pragma HLS INLINE
    return tapered<Cfg::RUN, typename Cfg::weight_t>(from_row<typename Cfg::code_t, LANES>(row, lane));
  }
};
}  // namespace detail

}  // namespace isobit

#endif
