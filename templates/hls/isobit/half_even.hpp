// Step by one multiplication that rounds ties to even, of any scale:
// y = clamp(up is even ? up : down, LO, HI),
// down = (m[c] * acc + offset[c]) >> K, up = (m[c] * acc + offset[c] + gap[c]) >> K.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, K = 20, LO = -128, HI = 127;
//     static const bool CLAMP = true;
//     typedef ap_int<16> in_t;  typedef ap_uint<15> multiplier_t;  typedef ap_int<20> offset_t;  typedef ap_uint<6> gap_t;
//     typedef ap_int<31> product_t;  typedef ap_int<32> sum_t;  typedef ap_int<8> out_t;
//   };
//
// The shifts round down, and no gap exceeds 2^K, so that down is up or up - 1: they differ at ties alone, or near them.
// product_t and sum_t come from the intervals of m * acc and of both sums, so nothing overflows. Constants are per
// channel or per tensor (per_channel.hpp). Schedule: II = 1, FOLDS words in and out. Cost: one multiplier, two adders.
#ifndef ISOBIT_HALF_EVEN_HPP
#define ISOBIT_HALF_EVEN_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
typename Cfg::out_t to_even(const typename Cfg::in_t& acc, const typename Cfg::multiplier_t& m,
                            const typename Cfg::offset_t& offset, const typename Cfg::gap_t& gap) {
#pragma HLS INLINE
  static const int WIDTH = signed_width<typename Cfg::sum_t>::VALUE;
  static_assert(Cfg::K >= 0 && WIDTH > Cfg::K, "the shift goes right, and the sum holds 2^K");
  typedef typename working<WIDTH>::type sum_t;
  sum_t down = sum_t(affine<Cfg>::at(acc, m, offset));
  sum_t up = down;
  up += gap;
  up = sum_t(typename Cfg::sum_t(up));
  down >>= unsigned(Cfg::K);
  up >>= unsigned(Cfg::K);
  const sum_t y = (up & 1) != 0 ? down : up;
  if (Cfg::CLAMP && y < Cfg::LO) return typename Cfg::out_t(Cfg::LO);
  if (Cfg::CLAMP && y > Cfg::HI) return typename Cfg::out_t(Cfg::HI);
  return typename Cfg::out_t(y);
}

template <class Cfg>
struct even_shift {
  template <class Multipliers, class Offsets, class Gaps>
  static typename Cfg::out_t apply(const typename Cfg::in_t& acc, int lane, const Multipliers& multipliers,
                                   const Offsets& offsets, const Gaps& gaps) {
#pragma HLS INLINE
    return to_even<Cfg>(acc, channel_constant<Cfg, typename Cfg::multiplier_t>(multipliers, lane),
                        channel_constant<Cfg, typename Cfg::offset_t>(offsets, lane),
                        channel_constant<Cfg, typename Cfg::gap_t>(gaps, lane));
  }
};
}  // namespace detail

template <class Cfg, class M, int M_WORDS, class C, int C_WORDS, class G, int G_WORDS>
void half_even(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
               hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
               const M (&multipliers)[channel_rows<Cfg>::ROWS][M_WORDS],
               const C (&offsets)[channel_rows<Cfg>::ROWS][C_WORDS],
               const G (&gaps)[channel_rows<Cfg>::ROWS][G_WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=multipliers complete dim=2
#pragma HLS ARRAY_RESHAPE variable=offsets complete dim=2
#pragma HLS ARRAY_RESHAPE variable=gaps complete dim=2
  per_channel<Cfg, detail::even_shift<Cfg> >(in, out, multipliers, offsets, gaps);
}

}  // namespace isobit

#endif
