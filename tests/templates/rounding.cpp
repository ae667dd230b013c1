// Shifts that round, in every mode, products that round ties to even, and multiply-shifts whose constants are wider than any builtin integer.
#include "check.hpp"
#include "isobit/half_even.hpp"
#include "isobit/multiply_shift.hpp"
#include "isobit/round_shift.hpp"

typedef __int128 wide;

// floor or ceiling of sum / 2^K, whichever the mode's definition names.
long long rounded(wide sum, int k, int mode) {
  const wide unit = static_cast<wide>(1) << k;
  wide low = sum / unit;
  if (low * unit > sum) --low;
  const wide below = sum - low * unit, above = unit - below;
  if (below == 0 || mode == isobit::FLOOR) return static_cast<long long>(low);
  const wide toward_zero = sum < 0 ? low + 1 : low, from_zero = sum < 0 ? low : low + 1;
  wide tie = low % 2 == 0 ? low : low + 1;
  if (mode == isobit::HALF_UP) tie = from_zero;
  if (mode == isobit::HALF_DOWN) tie = toward_zero;
  wide y = below < above ? low : above < below ? low + 1 : tie;
  if (mode == isobit::CEIL) y = low + 1;
  if (mode == isobit::UP) y = from_zero;
  if (mode == isobit::DOWN) y = toward_zero;
  return static_cast<long long>(y);
}

template <int K_, int ROUNDING_, bool CLAMP_, class IN, int PE_>
struct round_config {
  static const int CHANNELS = 4, PE = PE_, FOLDS = 4 / PE_, K = K_, ROUNDING = ROUNDING_, LO = -7, HI = 8;
  static const bool CLAMP = CLAMP_;
  typedef IN in_t;
  typedef ap_uint<3> multiplier_t;
  typedef ap_int<7> offset_t;
  typedef ap_int<11> product_t;
  typedef ap_int<isobit::max_of(12, K_ + 2)> sum_t;
  typedef ap_int<12> out_t;
};

template <class Cfg, class Process, class Formula>
void drive(const char* what, const long long* values, int count, Process process, Formula formula) {
  ++check::configurations;
  hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> > in("in");
  hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> > out("out");
  for (int f = 0; f < count; ++f) {
    long long acc[4], expected[4];
    for (int i = 0; i < 4; ++i) acc[i] = values[(f + i) % count];
    for (int i = 0; i < 4; ++i) expected[i] = formula(i, acc[i]);
    check::send(in, acc, 4);
    process(in, out);
    check::receive(what, f, out, expected, 4);
  }
}

// Every value of the input type, against every channel.
template <class Cfg>
void run_round_shift() {
  const typename check::rom_of<typename Cfg::multiplier_t>::type multipliers[4] = {1, 7, 0, 4};
  const typename check::rom_of<typename Cfg::offset_t>::type offsets[4] = {0, -64, 5, 63};
  const long long least = check::least<typename Cfg::in_t>(), greatest = check::greatest<typename Cfg::in_t>();
  long long values[256];
  int count = 0;
  for (long long v = least; v <= greatest; ++v) values[count++] = v;
  drive<Cfg>(
      "round_shift", values, count,
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) {
        isobit::round_shift<Cfg>(in, out, check::in_rows<Cfg, typename Cfg::multiplier_t>(multipliers).rows,
                                 check::in_rows<Cfg, typename Cfg::offset_t>(offsets).rows);
      },
      [&](int c, long long a) {
        const long long y = rounded(static_cast<wide>(multipliers[c]) * a + offsets[c], Cfg::K, Cfg::ROUNDING);
        if (Cfg::CLAMP && y < Cfg::LO) return static_cast<long long>(Cfg::LO);
        if (Cfg::CLAMP && y > Cfg::HI) return static_cast<long long>(Cfg::HI);
        return y;
      });
}

// Fifths, sevenths and an even divisor whose ties are reached; a gap of 0 and one of 2^K.
template <bool CLAMP_, class IN, int PE_>
struct even_config {
  static const int CHANNELS = 4, PE = PE_, FOLDS = 4 / PE_, K = 14, LO = -7, HI = 8;
  static const bool CLAMP = CLAMP_;
  typedef IN in_t;
  typedef ap_uint<13> multiplier_t;
  typedef ap_int<15> offset_t;
  typedef ap_uint<15> gap_t;
  typedef ap_int<21> product_t;
  typedef ap_int<22> sum_t;
  typedef ap_int<8> out_t;
};

template <class Cfg>
void run_half_even() {
  const typename check::rom_of<typename Cfg::multiplier_t>::type multipliers[4] = {2731, 1639, 0, 8191};
  const typename check::rom_of<typename Cfg::offset_t>::type offsets[4] = {8000, 8192, -5, -16384};
  const typename check::rom_of<typename Cfg::gap_t>::type gaps[4] = {192, 0, 16384, 77};
  const long long least = check::least<typename Cfg::in_t>(), greatest = check::greatest<typename Cfg::in_t>();
  long long values[256];
  int count = 0;
  for (long long v = least; v <= greatest; ++v) values[count++] = v;
  drive<Cfg>(
      "half_even", values, count,
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) {
        isobit::half_even<Cfg>(in, out, check::in_rows<Cfg, typename Cfg::multiplier_t>(multipliers).rows,
                               check::in_rows<Cfg, typename Cfg::offset_t>(offsets).rows,
                               check::in_rows<Cfg, typename Cfg::gap_t>(gaps).rows);
      },
      [&](int c, long long a) {
        const wide low = static_cast<wide>(multipliers[c]) * a + offsets[c];
        const long long up = rounded(low + gaps[c], Cfg::K, isobit::FLOOR);
        const long long y = up % 2 == 0 ? up : rounded(low, Cfg::K, isobit::FLOOR);
        if (Cfg::CLAMP && y < Cfg::LO) return static_cast<long long>(Cfg::LO);
        if (Cfg::CLAMP && y > Cfg::HI) return static_cast<long long>(Cfg::HI);
        return y;
      });
}

template <int OFFSET_BITS>
struct wide_config {
  static const int CHANNELS = 4, PE = 2, FOLDS = 2, K = OFFSET_BITS - 14, LO = -8192, HI = 8191;
  static const bool CLAMP = true;
  typedef ap_int<36> in_t;
  typedef ap_uint<48> multiplier_t;
  typedef ap_int<OFFSET_BITS> offset_t;
  typedef ap_int<84> product_t;
  typedef ap_int<isobit::max_of(84, OFFSET_BITS) + 1> sum_t;
  typedef ap_int<14> out_t;
};

template <class Cfg>
void run_wide() {
  static const int W = check::int_traits<typename Cfg::offset_t>::WIDTH;
  static const isobit::rom<48, false>::type multipliers[4] = {1, 0xFFFFFFFFFFFFULL, 0x123456789ABCULL, 0x800000000001ULL};
  static const typename check::rom_of<typename Cfg::offset_t>::type offsets[4] = {
      isobit::wide_constant<W, true>(-1, 0xFFFFFFFFFFFFFFFFULL), isobit::wide_constant<W, true>(0, 0x8000000000000000ULL),
      isobit::wide_constant<W, true>((1LL << (W - 65)) - 1, 0xFFFFFFFFFFFFFFFFULL),
      isobit::wide_constant<W, true>(-(1LL << (W - 65)), 0x0123456789ABCDEFULL)};
  const wide unit = static_cast<wide>(1) << 64;
  const wide plain[4] = {-1, unit / 2, (static_cast<wide>(1) << (W - 1)) - 1,
                         -(static_cast<wide>(1) << (W - 1)) + 0x0123456789ABCDEFLL};
  const long long half = 1LL << 35;
  const long long values[7] = {-half, half - 1, 0, -1, 1, 0x2AAAAAAAALL, -0x155555555LL};
  drive<Cfg>(
      "wide multiply_shift", values, 7,
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) {
        isobit::multiply_shift<Cfg>(in, out, check::in_rows<Cfg, typename Cfg::multiplier_t>(multipliers).rows,
                                    check::in_rows<Cfg, typename Cfg::offset_t>(offsets).rows);
      },
      [&](int c, long long a) {
        const long long y = rounded(static_cast<wide>(multipliers[c]) * a + plain[c], Cfg::K, isobit::FLOOR);
        return y < Cfg::LO ? static_cast<long long>(Cfg::LO) : y > Cfg::HI ? static_cast<long long>(Cfg::HI) : y;
      });
}

int main() {
#include "cases.inc"
  return check::summary();
}
