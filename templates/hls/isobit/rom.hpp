// Constant memories: how the values of generated arrays are stored, and how a row of them is read.
//
// An array has elements of the values' own width. Where that is a builtin integer's it is one, and the array plain data;
// in simulation it always is, so that the compiler lays the array out. from_rom() makes the hardware's value of it.
//
// Where a row of LANES values is read in one clock, several may lie in a word, the first in the lowest bits: the array
// [ROWS][WORDS] holds LANES / WORDS in each, as its shape says. The generated ones take as many as divide LANES and fit 64
// bits: an initialiser of few numbers, no value in two words, no bit unused. from_row() reads any of them.
#ifndef ISOBIT_ROM_HPP
#define ISOBIT_ROM_HPP

#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <int BYTES, bool SIGNED>
struct builtin;
template <> struct builtin<1, true> { typedef int8_t type; };
template <> struct builtin<2, true> { typedef int16_t type; };
template <> struct builtin<4, true> { typedef int32_t type; };
template <> struct builtin<8, true> { typedef int64_t type; };
template <> struct builtin<1, false> { typedef uint8_t type; };
template <> struct builtin<2, false> { typedef uint16_t type; };
template <> struct builtin<4, false> { typedef uint32_t type; };
template <> struct builtin<8, false> { typedef uint64_t type; };
#ifdef __SYNTHESIS__
template <int W, bool SIGNED, bool BUILTIN>
struct element {
  typedef typename any_int<W, SIGNED>::type type;
};
template <int W, bool SIGNED>
struct element<W, SIGNED, true> {
  typedef typename builtin<W / 8, SIGNED>::type type;
};
#else
template <> struct builtin<16, true> { typedef __int128 type; };
template <> struct builtin<16, false> { typedef unsigned __int128 type; };
#endif
}  // namespace detail

// Element type of a generated constant array.
template <int W, bool SIGNED>
struct rom {
  static_assert(W >= 1 && W <= 127, "constants have 1 to 127 bits");
#ifdef __SYNTHESIS__
  typedef typename detail::element<W, SIGNED, W == 8 || W == 16 || W == 32 || W == 64>::type type;
#else
  typedef typename detail::builtin<W <= 8 ? 1 : W <= 16 ? 2 : W <= 32 ? 4 : W <= 64 ? 8 : 16, SIGNED>::type type;
#endif
};

// The ROM element type that stores values of T.
template <class T>
struct rom_of {
  typedef typename rom<int_traits<T>::WIDTH, int_traits<T>::SIGNED>::type type;
};

// A word of COUNT values of W bits.
template <int W, bool SIGNED, int COUNT>
struct packed_rom {
  typedef typename rom<W * COUNT, false>::type type;
};

// The constant high * 2^64 + low, for which C++ has no literal.
template <int W, bool SIGNED>
constexpr typename rom<W, SIGNED>::type wide_constant(long long high, unsigned long long low) {
#ifdef __SYNTHESIS__
  return (ap_int<W + 64>(high) << 64) | ap_uint<64>(low);
#else
  return static_cast<typename rom<W, SIGNED>::type>(static_cast<unsigned __int128>(high) << 64 | low);
#endif
}

namespace detail {
template <class T, bool WIDE>
struct from_builtin {
  static T of(typename rom_of<T>::type stored) { return T(stored); }
};
#if !defined(__SYNTHESIS__) && !defined(ISOBIT_NATIVE)
template <class T>
struct from_builtin<T, true> {  // ap_int takes no builtin of 128 bits
  static T of(typename rom_of<T>::type stored) {
    const T high = static_cast<int64_t>(stored >> 64);
    const T low = static_cast<uint64_t>(stored);
    return (high << 64) | low;
  }
};
#endif
}  // namespace detail

template <class T>
inline T from_rom(typename rom_of<T>::type stored) {
#ifdef ISOBIT_NATIVE
  return T::stored(stored);
#else
  return detail::from_builtin<T, (int_traits<T>::WIDTH > 64)>::of(stored);
#endif
}

namespace detail {
// A value of a word that holds EACH.
template <class T, int EACH>
struct in_word {
  static const int WIDTH = int_traits<T>::WIDTH;
  static_assert(WIDTH * EACH <= 64, "a word has 64 bits at most");

  template <class Word>
  static T at(const Word& word, int place) {
#pragma HLS INLINE
#ifdef ISOBIT_NATIVE
    const uint64_t top = static_cast<uint64_t>(word) >> place * WIDTH << (64 - WIDTH);
    const int64_t negative = static_cast<int64_t>(top) >> (64 - WIDTH);
    return T::stored(int_traits<T>::SIGNED ? negative : static_cast<int64_t>(top >> (64 - WIDTH)));
#else
    return T(word >> place * WIDTH);
#endif
  }
};
template <class T>
struct in_word<T, 1> {
  static T at(typename rom_of<T>::type word, int) {
#pragma HLS INLINE
    return from_rom<T>(word);
  }
};
}  // namespace detail

// Value `lane` of a row of LANES.
template <class T, int LANES, class Word, int WORDS>
inline T from_row(const Word (&row)[WORDS], int lane) {
#pragma HLS INLINE
  static_assert(LANES % WORDS == 0, "words hold equally many values");
  static const int EACH = LANES / WORDS;
  return detail::in_word<T, EACH>::at(row[lane / EACH], lane % EACH);
}

}  // namespace isobit

#endif
