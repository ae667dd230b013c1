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
// Constants are per channel or per tensor (per_channel.hpp). Schedule: II = 1, FOLDS words in and out.
#ifndef ISOBIT_ROUND_SHIFT_HPP
#define ISOBIT_ROUND_SHIFT_HPP

#include "isobit/per_channel.hpp"
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
  const sum_t sum = sum_t(affine<Cfg>::at(acc, m, offset));
  sum_t half = 1;
  half <<= unsigned(Cfg::K - 1);
  sum_t y = sum, rest = sum, low_bits = half;
  low_bits -= 1;
  low_bits += half;
  y >>= unsigned(Cfg::K);
  rest &= low_bits;
  if (rounds_up<Cfg::ROUNDING, sum_t>(y, rest, half)) y += 1;
  if (Cfg::CLAMP && y < Cfg::LO) return typename Cfg::out_t(Cfg::LO);
  if (Cfg::CLAMP && y > Cfg::HI) return typename Cfg::out_t(Cfg::HI);
  return typename Cfg::out_t(y);
}

template <class Cfg>
struct rounding_shift {
  template <class Multipliers, class Offsets>
  static typename Cfg::out_t apply(const typename Cfg::in_t& acc, int lane, const Multipliers& multipliers,
                                   const Offsets& offsets) {
#pragma HLS INLINE
    return rounded<Cfg>(acc, channel_constant<Cfg, typename Cfg::multiplier_t>(multipliers, lane),
                        channel_constant<Cfg, typename Cfg::offset_t>(offsets, lane));
  }
};
}  // namespace detail

template <class Cfg, class M, int M_WORDS, class C, int C_WORDS>
void round_shift(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                 hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                 const M (&multipliers)[channel_rows<Cfg>::ROWS][M_WORDS],
                 const C (&offsets)[channel_rows<Cfg>::ROWS][C_WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=multipliers complete dim=2
#pragma HLS ARRAY_RESHAPE variable=offsets complete dim=2
  per_channel<Cfg, detail::rounding_shift<Cfg> >(in, out, multipliers, offsets);
}

}  // namespace isobit

#endif
