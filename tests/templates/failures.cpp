// One way to fail, or not, per argument; the name says which.
#include <string.h>

#include "check.hpp"
#include "isobit/dense.hpp"
#include "isobit/depthwise.hpp"
#include "isobit/lookup.hpp"
#include "isobit/stream_io.hpp"

using isobit::lanes;

struct narrow_dense {  // the first product of output 3 needs 7 bits
  static const int IN = 2, OUT = 4, SIMD = 1, PE = 2, VECTORS = 1;
  typedef ap_int<4> in_t, weight_t;
  typedef ap_int<6> acc_t;
};
static const isobit::rom<4, true>::type weights[4][2] = {{1, 2}, {1, 2}, {1, -8}, {2, 1}};

static void lossy() {
  hls::stream<lanes<ap_int<4>, 1> > in("in");
  hls::stream<lanes<ap_int<6>, 2> > out("out");
  const long long frame[2] = {5, 7};
  check::send(in, frame, 2);
  ISOBIT_LAYER("first");
  ISOBIT_LAYER("second");
  isobit::dense<narrow_dense>(in, out, weights);
  for (int i = 0; i < 2; ++i) {
    const lanes<ap_int<6>, 2> word = out.read();
    printf("%d %d ", word[0].to_int(), word[1].to_int());
  }
}

struct narrow_depthwise {  // the second tap of channel 3 needs 6 bits
  static const int CHANNELS = 6, PE = 2, TAPS = 2, VECTORS = 1;
  typedef ap_int<4> in_t, weight_t;
  typedef ap_int<5> acc_t;
};
static const isobit::rom<4, true>::type taps_of[6][2] = {{1, 1}, {1, 2}, {1, 1}, {1, 1}, {1, 2}, {1, 1}};

static void lossy_depthwise() {
  hls::stream<lanes<ap_int<4>, 2> > in("in");
  hls::stream<lanes<ap_int<5>, 2> > out("out");
  const long long frame[12] = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6};
  check::send(in, frame, 12);
  ISOBIT_LAYER("depthwise");
  isobit::depthwise<narrow_depthwise>(in, out, taps_of);
}

struct short_table {
  static const int CHANNELS = 1, PE = 2, FOLDS = 1, LO = -2, SIZE = 5;
  typedef ap_int<4> in_t, out_t;
};
static const isobit::rom<4, true>::type table[1][1][5] = {{{1, 2, 3, 4, 5}}};

static void index() {
  hls::stream<lanes<ap_int<4>, 2> > in("in"), out("out");
  const long long frame[2] = {2, 3};
  check::send(in, frame, 2);
  ISOBIT_LAYER("sigmoid");
  isobit::lookup<short_table>(in, out, table);
}

struct host_port {
  static const int FRAME = 1, LANES = 1, ELEM = 8, WORD = 8;
  typedef ap_int<5> elem_t;
};

static void host() {  // 16 does not fit ap_int<5>: the host sent what the port does not take
  hls::stream<ap_axiu<8, 0, 0, 0> > axis("axis");
  hls::stream<lanes<ap_int<5>, 1> > out("out");
  hls::stream<ap_uint<1> > last("last");
  ap_axiu<8, 0, 0, 0> beat;
  beat.data = 16;
  beat.last = 1;
  axis.write(beat);
  ISOBIT_LAYER("input");
  isobit::read_frame<host_port>(axis, out, last);
  printf("%d last %d", out.read()[0].to_int(), last.read().to_int());
}

static void constant() {
  ISOBIT_LAYER("weights");
  printf("%d", isobit::from_rom<ap_int<3> >(3).to_int());
  fflush(stdout);
  isobit::from_rom<ap_int<3> >(4);
}

static void empty_read() {
  hls::stream<ap_uint<1> > s("fc1_out");
  s.write(1);
  s.read();
  s.read();
}

static void leftover() {
  hls::stream<ap_uint<1>, 4> s("fc2_out");
  s << 1;
}

static void overflow() {
  hls::stream<ap_uint<1> > s("endless");
  for (;;) s.write(1);
}

// Fills past several growths, with the start of the ring moving, and takes everything out in order.
static void queue() {
  hls::stream<ap_uint<16> > s("queue");
  int written = 0, read = 0;
  for (int round = 1; round < 100; ++round) {
    for (int i = 0; i < 3 * round; ++i) s << (written++ & 0xffff);
    if (s.peek(0).to_int() != (read & 0xffff)) return;
    for (int i = 0; i < 2 * round; ++i)
      if (s.read().to_int() != (read++ & 0xffff)) return;
  }
  ap_uint<16> element;
  while (s.read_nb(element))
    if (element.to_int() != (read++ & 0xffff)) return;
  printf("%d written, %d read, empty %d", written, read, s.empty());
}

// The streams of a function called once per frame, DEEP of them alive at a time, the n-th holding 100 * n elements.
static const int DEEP = 40;
static int nested(int n, const ap_uint<9>** memory) {
  if (n == DEEP) return 0;
  hls::stream<ap_uint<9> > s("nested");
  for (int i = 0; i < 100 * n + 1; ++i) s.write(i & 511);
  const int same = memory[n] == &s.peek(0);
  memory[n] = &s.peek(0);
  while (!s.empty()) s.read();
  return same + nested(n + 1, memory);
}

static void reuse() {
  const ap_uint<9>* memory[DEEP] = {};
  const int first = nested(0, memory);
  printf("reused %d, then %d of %d", first, nested(0, memory), DEEP);
}

#ifdef ISOBIT_TAPS
static void taps() {
  hls::stream<lanes<ap_int<4>, 2> > words("words");
  hls::stream<ap_uint<1> > flags("flags");
  const long long frame[4] = {-8, 7, 0, -1};
  for (int f = 0; f < 2; ++f) {
    check::send(words, frame, 4);
    flags.write(f);
    ISOBIT_TAP("words", words);
    ISOBIT_TAP("flags", flags);
    check::receive("taps", f, words, frame, 4);
    flags.read();
  }
  for (const auto& tap : isobit::sim::taps()) {
    printf("%s", tap.first.c_str());
    for (int64_t value : tap.second) printf(" %lld", static_cast<long long>(value));
    printf(";");
  }
}
#endif

int main(int, char** arguments) {
  const char* name = arguments[1];
  if (strcmp(name, "lossy") == 0) lossy();
  if (strcmp(name, "lossy_depthwise") == 0) lossy_depthwise();
  if (strcmp(name, "index") == 0) index();
  if (strcmp(name, "host") == 0) host();
  if (strcmp(name, "constant") == 0) constant();
  if (strcmp(name, "empty_read") == 0) empty_read();
  if (strcmp(name, "leftover") == 0) leftover();
  if (strcmp(name, "overflow") == 0) overflow();
  if (strcmp(name, "queue") == 0) queue();
  if (strcmp(name, "reuse") == 0) reuse();
#ifdef ISOBIT_TAPS
  if (strcmp(name, "taps") == 0) taps();
#endif
  return 0;
}
