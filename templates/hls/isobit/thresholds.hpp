// Step by thresholds: y = start[c] + the number of cuts t with acc >= t, by bisection: one comparison a stage.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, LEVELS = 3;
//     typedef ap_int<16> in_t;  typedef ap_int<17> threshold_t;  typedef ap_uint<2> start_t, out_t;
//   };
//
// Constants are per channel or per tensor (per_channel.hpp). Up to LEVELS cuts make STAGES comparisons, the first with
// the middle cut, the leading bit of the count. Stage s has an array of its own, [ROWS][LANES][2^s]: entry k, for a count
// that begins with k, is cut (2 k + 1) * 2^(STAGES - 1 - s) - 1 of the ascending ones; beyond a channel's last cut it is
// one that in_t never reaches. The arrays become memories, one a lane, where they have names: in the top function.
// Schedule: II = 1, FOLDS words in and out. Cost: a comparison per lane and stage.
#ifndef ISOBIT_THRESHOLDS_HPP
#define ISOBIT_THRESHOLDS_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
struct cuts_reached {
  static const int STAGES = ceil_log2(Cfg::LEVELS + 1);  // comparisons that find one of LEVELS + 1 counts
  typedef typename counter<1 << STAGES>::type count_t;
  // Compared as signed numbers: ap_int compares wide operands of different signs as C does, that is wrongly.
  typedef typename working<max_of(signed_width<typename Cfg::in_t>::VALUE,
                                  signed_width<typename Cfg::threshold_t>::VALUE)>::type compared_t;

  template <class Start, class... Cuts>
  static typename Cfg::out_t apply(const typename Cfg::in_t& acc, int lane, const Start& start, const Cuts&... cuts) {
#pragma HLS INLINE
    static_assert(sizeof...(Cuts) == STAGES, "an array of cuts for every stage");
    const compared_t level = acc;
    count_t reached = 0;  // the leading bits of the count
    const bool bits[STAGES] = {next_bit(level, cuts[lane], reached)...};  // in this order
    (void)bits;
    typename Cfg::out_t y = channel_constant<Cfg, typename Cfg::start_t>(start, lane);
    y += reached;
    return y;
  }

 private:
  // A stage: whether the cut of its choice is reached, also behind the bits before.
  template <class Cut, int CHOICES>
  static bool next_bit(const compared_t& level, const Cut (&cuts)[CHOICES], count_t& reached) {
#pragma HLS INLINE
    const compared_t cut = from_rom<typename Cfg::threshold_t>(cuts[reached]);
    const bool bit = level >= cut;
    reached = 2 * reached + (bit ? 1 : 0);
    return bit;
  }
};
}  // namespace detail

template <class Cfg, class S, int S_WORDS, class... Cuts>
void thresholds(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                const S (&start)[channel_rows<Cfg>::ROWS][S_WORDS],
                const Cuts (&... cuts)[channel_rows<Cfg>::ROWS]) {
#pragma HLS ARRAY_RESHAPE variable=start complete dim=2
  per_channel<Cfg, detail::cuts_reached<Cfg> >(in, out, start, cuts...);
}

}  // namespace isobit

#endif
