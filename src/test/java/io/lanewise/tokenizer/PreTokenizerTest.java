package io.lanewise.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The scanners against {@link java.util.regex} with the expressions that the models publish. */
class PreTokenizerTest {
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String SPACES = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final String LETTERS = "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    private static final String SYMBOLS = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String PREFIX = "[^\\r\\n\\p{L}\\p{N}]?";
    private static final String EASTERN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
    /** The case letters of DeepSeek LLM in runs of two or more; the whole list stands in the scanner. */
    private static final String CASED_SAMPLE = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf"
            + "\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c"
            + "\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd"
            + "\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d"
            + "\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
            + "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102"
            + "\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139"
            + "\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
            + "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06"
            + "\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}"
            + "\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}";

    /** The expressions of each rule, applied one below the other. */
    private static final Map<String, List<String>> ORACLES = Map.ofEntries(
            Map.entry("gpt-2", List.of(GPT2)),
            Map.entry("llama-bpe", List.of(CONTRACTIONS + LETTERS + "\\p{N}{1,3}" + SYMBOLS + SPACES)),
            Map.entry("qwen2", List.of(CONTRACTIONS + LETTERS + "\\p{N}" + SYMBOLS + SPACES)),
            Map.entry("qwen35", List.of(CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
                    + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" + SPACES)),
            Map.entry("tekken", List.of(PREFIX + UPPER + "*" + LOWER + "+|" + PREFIX + UPPER + "+" + LOWER + "*"
                    + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" + SPACES)),
            Map.entry("gpt-4o", List.of(PREFIX + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + PREFIX + UPPER + "+"
                    + LOWER + "*" + CONTRACTIONS + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" + SPACES)),
            Map.entry("deepseek-llm", List.of("[\r\n]", "\\s?[" + CASED_SAMPLE + "]+",
                    "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", "\\s+\\z", EASTERN, "\\p{N}+")),
            Map.entry("deepseek-coder", List.of("[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", EASTERN, "\\p{N}")),
            Map.entry("deepseek-v3", List.of("\\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
                    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                            + "| ?[\\p{P}\\p{S}]+[\r\n]*" + SPACES)),
            Map.entry("starcoder", List.of("\\p{N}", GPT2)),
            Map.entry("falcon", List.of("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]")),
            Map.entry("default", List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]")));

    /** Characters on which the rules differ, and characters around them. */
    private static final String[] ATOMS = {" ", " ", "  ", "\n", "\r", "\r\n", "\t", "\u00a0", "\u3000", "\u0085",
        "\u200b", "\u2028", "a", "b", "Z", "s", "S", "t", "re", "LL", "'", "'s", "'Ve", "'ſ", "'M", "1", "23", "4567",
        "\u0661", "\u00bd", "\u2163", "\u3007", "é", "É", "e\u0301", "\u0301", "\u20dd", "Ǆ", "ǅ", "ʰ", "中", "国", "語",
        "か", "ヿ", "가", "\u0915\u093e", "ß", "Ж", "ж", "א", "ไ", ".", ",", "/", "!", "$", "+", "<", "=", "^", "`", "|",
        "~", "_", "-", "…", "“", "€", "°", "！", "。", "\u2018", "😀", "👩‍👩‍👧", "🇫🇷", "\ud835\udc00", "\ud801\udc00",
        "\ud83a\udd00", "\ud840\udc00", "\u0000", "\u0007", "\u200d", "\ufeff", "\ufffd", "\ue000", "\u0378"};

    static Stream<Arguments> rules() {
        return ORACLES.entrySet().stream().map(rule -> Arguments.of(rule.getKey(), rule.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rules")
    void scannersCutWhereTheExpressionsDo(String name, List<String> expressions) {
        PreTokenizer rule = PreTokenizer.of(name);
        List<Pattern> patterns = patterns(expressions);
        Random random = new Random(name.hashCode());
        for (int i = 0; i < 20_000; i++) {
            String text = randomText(random);
            assertThat(pieces(rule, text)).as("<%s>", escape(text)).isEqualTo(oracle(patterns, text));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rules")
    void everyCharacterOfUnicodeIsClassedAsTheExpressionsDo(String name, List<String> expressions) {
        PreTokenizer rule = PreTokenizer.of(name);
        List<Pattern> patterns = patterns(expressions);
        StringBuilder text = new StringBuilder();
        for (int cp = 0; cp <= Character.MAX_CODE_POINT; cp++) {
            // Beyond the first planes nothing is assigned but ideographs, private use and variation selectors.
            if (cp >= 0xD800 && cp < 0xE000 || cp > 0x323AF && cp % 61 != 0) {
                continue;
            }
            text.append("a ").appendCodePoint(cp).append("b").appendCodePoint(cp).appendCodePoint(cp).append("\n");
            if (text.length() > 20_000) {
                assertThat(pieces(rule, text.toString())).isEqualTo(oracle(patterns, text.toString()));
                text.setLength(0);
            }
        }
    }

    @Test
    void theListOfKnownRulesIsComplete() {
        assertThat(PreTokenizer.names()).containsAll(ORACLES.keySet()).contains("llama3", "llama-v3", "smollm", "olmo",
                "deepseek-r1-qwen", "refact", "command-r");
        assertThat(PreTokenizer.of(null).steps()).hasSameSizeAs(PreTokenizer.of("default").steps());
    }

    @Test
    void anUnknownRuleIsRefusedWithTheListOfThoseKnown() {
        assertThatIllegalArgumentException().isThrownBy(() -> PreTokenizer.of("no-such-rule"))
                .withMessageContaining("no-such-rule").withMessageContaining("llama-bpe").withMessageContaining("qwen2");
    }

    private static List<Pattern> patterns(List<String> expressions) {
        return expressions.stream()
                .map(e -> Pattern.compile(e, Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE)).toList();
    }

    private static String randomText(Random random) {
        StringBuilder text = new StringBuilder();
        for (int n = 1 + random.nextInt(12); n > 0; n--) {
            if (random.nextInt(12) == 0) {
                text.appendCodePoint(randomCodePoint(random));
            } else {
                text.append(ATOMS[random.nextInt(ATOMS.length)]);
            }
        }
        return text.toString();
    }

    private static int randomCodePoint(Random random) {
        int codePoint = random.nextBoolean() ? random.nextInt(0x3000) : random.nextInt(0x20000);
        return codePoint >= 0xD800 && codePoint < 0xE000 ? 'x' : codePoint;
    }

    private static List<String> pieces(PreTokenizer rule, String text) {
        List<String> pieces = new ArrayList<>();
        rule.split(text.toCharArray(), 0, text.length(), (chars, from, to) -> pieces.add(new String(chars, from, to - from)));
        return pieces;
    }

    /** Matches and gaps of the first expression, each cut further by the next. */
    private static List<String> oracle(List<Pattern> patterns, String text) {
        List<String> pieces = List.of(text);
        for (Pattern pattern : patterns) {
            List<String> finer = new ArrayList<>();
            for (String piece : pieces) {
                int end = 0;
                for (Matcher matcher = pattern.matcher(piece); matcher.find(); end = matcher.end()) {
                    addUnlessEmpty(finer, piece.substring(end, matcher.start()));
                    addUnlessEmpty(finer, matcher.group());
                }
                addUnlessEmpty(finer, piece.substring(end));
            }
            pieces = finer;
        }
        return pieces;
    }

    private static void addUnlessEmpty(List<String> pieces, String piece) {
        if (!piece.isEmpty()) {
            pieces.add(piece);
        }
    }

    private static String escape(String text) {
        StringBuilder escaped = new StringBuilder();
        text.codePoints().forEach(cp -> escaped.append(cp < 0x7F && cp > 0x1F ? Character.toString(cp)
                : String.format("\\u{%x}", cp)));
        return escaped.toString();
    }
}
