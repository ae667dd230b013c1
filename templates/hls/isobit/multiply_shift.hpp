// Step by one multiplication: y = clamp((m[c] * acc + offset[c]) >> K, LO, HI), the shift rounding down.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, K = 12, LO = 0, HI = 255;
//     static const bool CLAMP = true;
//     typedef ap_int<16> in_t;  typedef ap_uint<9> multiplier_t;  typedef ap_int<20> offset_t;
//     typedef ap_int<25> product_t;  typedef ap_int<26> sum_t;  typedef ap_uint<8> out_t;
//   };
//
// product_t and sum_t come from the intervals of m * acc and m * acc + offset, so nothing overflows; without
// CLAMP the shifted sum itself fits out_t. Constants are per channel or per tensor (per_channel.hpp).
// The second form shifts each channel by its own number of bits, K at most: Cfg has a shift_t and no K.
// Schedule: II = 1, FOLDS words in and out. Cost: one multiplier and one adder per lane, and in the second form
// a selection of the shift.
#ifndef ISOBIT_MULTIPLY_SHIFT_HPP
#define ISOBIT_MULTIPLY_SHIFT_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
typename Cfg::out_t scaled(const typename Cfg::in_t& acc, const typename Cfg::multiplier_t& m,
                           const typename Cfg::offset_t& offset, int shift) {
#pragma HLS INLINE
  typedef typename affine<Cfg>::total_t total_t;
  total_t shifted = affine<Cfg>::at(acc, m, offset);
  shifted >>= unsigned(min_of(shift, signed_width<typename Cfg::sum_t>::VALUE - 1));  // the sign bit stays
  if (Cfg::CLAMP && shifted < Cfg::LO) return typename Cfg::out_t(Cfg::LO);
  if (Cfg::CLAMP && shifted > Cfg::HI) return typename Cfg::out_t(Cfg::HI);
  return typename Cfg::out_t(shifted);
}

// The bodies: one shift for all channels, and a shift of its own for each.
template <class Cfg>
struct one_shift {
  static_assert(Cfg::K >= 0, "the shift goes right");
  template <class Multipliers, class Offsets>
  static typename Cfg::out_t apply(const typename Cfg::in_t& acc, int lane, const Multipliers& multipliers,
                                   const Offsets& offsets) {
#pragma HLS INLINE
    return scaled<Cfg>(acc, channel_constant<Cfg, typename Cfg::multiplier_t>(multipliers, lane),
                       channel_constant<Cfg, typename Cfg::offset_t>(offsets, lane), Cfg::K);
  }
};

template <class Cfg>
struct own_shift {
  template <class Multipliers, class Offsets, class Shifts>
  static typename Cfg::out_t apply(const typename Cfg::in_t& acc, int lane, const Multipliers& multipliers,
                                   const Offsets& offsets, const Shifts& shifts) {
#pragma HLS INLINE
    return scaled<Cfg>(acc, channel_constant<Cfg, typename Cfg::multiplier_t>(multipliers, lane),
                       channel_constant<Cfg, typename Cfg::offset_t>(offsets, lane),
                       int(channel_constant<Cfg, typename Cfg::shift_t>(shifts, lane)));
  }
};
}  // namespace detail

template <class Cfg, class M, int M_WORDS, class C, int C_WORDS>
void multiply_shift(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                    hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                    const M (&multipliers)[channel_rows<Cfg>::ROWS][M_WORDS],
                    const C (&offsets)[channel_rows<Cfg>::ROWS][C_WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=multipliers complete dim=2
#pragma HLS ARRAY_RESHAPE variable=offsets complete dim=2
  per_channel<Cfg, detail::one_shift<Cfg> >(in, out, multipliers, offsets);
}

template <class Cfg, class M, int M_WORDS, class C, int C_WORDS, class S, int S_WORDS>
void multiply_shift(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                    hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                    const M (&multipliers)[channel_rows<Cfg>::ROWS][M_WORDS],
                    const C (&offsets)[channel_rows<Cfg>::ROWS][C_WORDS],
                    const S (&shifts)[channel_rows<Cfg>::ROWS][S_WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=multipliers complete dim=2
#pragma HLS ARRAY_RESHAPE variable=offsets complete dim=2
#pragma HLS ARRAY_RESHAPE variable=shifts complete dim=2
  per_channel<Cfg, detail::own_shift<Cfg> >(in, out, multipliers, offsets, shifts);
}

}  // namespace isobit

#endif
