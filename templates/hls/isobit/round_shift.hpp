// Step by a shift that rounds: y = clamp(round((m[c] * acc + offset[c]) / 2^K), LO, HI).
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, K = 7, ROUNDING = isobit::ROUND, LO = -128, HI = 127;
//     static const bool CLAMP = true;
//     typedef ap_int<16> in_t;  typedef ap_uint<1> multiplier_t;  typedef ap_int<20> offset_t;
//     typedef ap_int<16> product_t;  typedef ap_int<21> sum_t;  typedef ap_int<8> out_t;
//   };
//
// For scales that are powers of two and a rounding that one offset cannot express, such as ties to even. product_t
// and sum_t come from the intervals of m * acc and m * acc + offset, and sum_t has at least K + 2 bits.
// Parameters are per channel (row c; element pe of word i is channel (i * PE + pe) mod CHANNELS) or, with
// CHANNELS = 1, per tensor. Schedule: II = 1, FOLDS words in and out.
#ifndef ISOBIT_ROUND_SHIFT_HPP
#define ISOBIT_ROUND_SHIFT_HPP

#include "isobit/types.hpp"

namespace isobit {

// The rounding modes of QONNX: to nearest with ties to even, away from zero, towards zero; directed.
enum rounding { ROUND, HALF_UP, HALF_DOWN, CEIL, FLOOR, UP, DOWN };

namespace detail {
// Whether floor + rest / 2^K rounds to floor + 1; 0 <= rest < 2^K.
template <int MODE, class T>
bool rounds_up(const T& floor, const T& rest, const T& half) {
#pragma HLS INLINE
  if (MODE == CEIL) return rest != 0;
  if (MODE == UP) return rest != 0 && floor >= 0;
  if (MODE == DOWN) return rest != 0 && floor < 0;
  if (MODE == FLOOR || rest < half) return false;
  if (rest != half) return true;
  if (MODE == HALF_UP) return floor >= 0;
  if (MODE == HALF_DOWN) return floor < 0;
  return (floor & 1) != 0;
}

template <class Cfg>
typename Cfg::out_t rounded(const typename Cfg::in_t& acc, const typename Cfg::multiplier_t& m,
                            const typename Cfg::offset_t& offset) {
#pragma HLS INLINE
  static const int WIDTH = signed_width<typename Cfg::sum_t>::VALUE;
  static_assert(Cfg::K >= 1 && WIDTH >= Cfg::K + 2, "the shift goes right, and the sum holds 2^K");
  typedef typename working<WIDTH>::type sum_t;
  const typename Cfg::product_t product = m * acc;
  const sum_t sum = sum_t(typename Cfg::sum_t(product + offset));
  const sum_t unit = sum_t(1) << Cfg::K;
  const sum_t floor = sum >> Cfg::K;
  const sum_t rest = sum & sum_t(unit - 1);
  const sum_t y = rounds_up<Cfg::ROUNDING, sum_t>(floor, rest, unit >> 1) ? sum_t(floor + 1) : floor;
  if (Cfg::CLAMP && y < Cfg::LO) return typename Cfg::out_t(Cfg::LO);
  if (Cfg::CLAMP && y > Cfg::HI) return typename Cfg::out_t(Cfg::HI);
  return typename Cfg::out_t(y);
}
}  // namespace detail

template <class Cfg>
void round_shift(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                 hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                 const typename rom_of<typename Cfg::multiplier_t>::type (&multipliers)[Cfg::CHANNELS],
                 const typename rom_of<typename Cfg::offset_t>::type (&offsets)[Cfg::CHANNELS]) {
  static const int PORTS = min_of(Cfg::PE, Cfg::CHANNELS);
#pragma HLS ARRAY_RESHAPE variable=multipliers cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=offsets cyclic factor=PORTS dim=1
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::CHANNELS % PORTS == 0 && Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0,
                "a frame holds every channel equally often");

  int first = 0;  // channel of lane 0
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::in_t, Cfg::PE> acc = in.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int c = channel_of<Cfg::CHANNELS, Cfg::PE>(first, pe);
      ISOBIT_CHANNEL(Cfg::CHANNELS == 1 ? pe : c);
      y[pe] = detail::rounded<Cfg>(acc[pe], from_rom<typename Cfg::multiplier_t>(multipliers[c]),
                                   from_rom<typename Cfg::offset_t>(offsets[c]));
    }
    out.write(y);
    first = first + Cfg::PE >= Cfg::CHANNELS ? 0 : first + Cfg::PE;
  }
}

}  // namespace isobit

#endif
