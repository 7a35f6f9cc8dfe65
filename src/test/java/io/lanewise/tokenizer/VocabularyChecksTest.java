package io.lanewise.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

import org.junit.jupiter.api.Test;

/** What does not hold together is refused by the name of its field; special tokens do what they say. */
class VocabularyChecksTest {
    private static final List<String> LETTERS = List.of("a", "b", "ab", "<s>", "</s>", "<u>", "Ġ");

    private static Vocabulary.Builder gpt2() {
        return Vocabulary.builder("gpt2", LETTERS).pre("gpt-2").merges(List.of("a b"))
                .types(new int[] {1, 1, 1, 3, 3, 4, 1});
    }

    private static Vocabulary.Builder llama() {
        return Vocabulary.builder("llama", List.of("<unk>", "<s>", "</s>", "<0x41>", "\u2581", "a", "\u2581a"))
                .scores(new float[7]).types(new int[] {2, 3, 3, 6, 1, 1, 1}).unk(0).bos(1).eos(2);
    }

    private static void refused(Vocabulary.Builder builder, String... message) {
        assertThatIllegalArgumentException().isThrownBy(() -> Tokenizers.of(builder.build()))
                .satisfies(e -> assertThat(e.getMessage()).contains(message));
    }

    @Test
    void partsOfTheWrongLengthAreRefused() {
        refused(gpt2().types(new int[3]), "token_type", "3 entries for 7 tokens");
        refused(llama().scores(new float[8]), "scores", "8 entries for 7 tokens");
        refused(Vocabulary.builder("gpt2", List.of()), "tokens", "empty");
    }

    @Test
    void partsThatAreMissingAreRefused() {
        refused(gpt2().merges(null), "merges", "missing");
        refused(llama().scores(null), "scores", "missing");
        refused(Vocabulary.builder("bert", List.of("\u2581a")), "unknown_token_id", "missing");
        assertThatNullPointerException().isThrownBy(() -> Vocabulary.builder("gpt2", null));
        assertThatNullPointerException().isThrownBy(() -> Tokenizers.of(gpt2().build()).encode(null, true, true));
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        refused(gpt2().bos(7), "bos_token_id", "7");
        refused(gpt2().eos(-2), "eos_token_id", "-2");
        refused(gpt2().unk(Integer.MAX_VALUE), "unknown_token_id");
        refused(gpt2().eot(99), "eot_token_id");
        refused(gpt2().sep(99), "seperator_token_id");
    }

    @Test
    void valuesThatMeanNothingAreRefused() {
        refused(gpt2().types(new int[] {1, 1, 1, 3, 3, 7, 1}), "token_type[5]", "7");
        refused(llama().scores(new float[] {0, 0, 0, 0, Float.NaN, 0, 0}), "scores[4]");
        refused(llama().types(new int[] {2, 3, 6, 6, 1, 1, 1}), "tokens[2]", "<0xXX>");
        refused(gpt2().pre("gpt-9"), "pre", "gpt-9", "qwen2");
        refused(Vocabulary.builder("rwkv", LETTERS), "model", "rwkv", "gpt2");
    }

    @Test
    void twoTokensWithOneSpellingAreRefused() {
        refused(Vocabulary.builder("gpt2", List.of("a", "b", "a")).merges(List.of()), "tokens[2]", "tokens[0]");
        refused(Vocabulary.builder("llama", List.of("a", "b", "b")).scores(new float[3]), "tokens[2]", "tokens[1]");
        refused(Vocabulary.builder("gpt2", List.of("a", "<s>", "<s>")).merges(List.of()).types(new int[] {1, 3, 3}),
                "tokens[2]", "tokens[1]");
    }

    @Test
    void mergesThatLeadNowhereAreRefused() {
        refused(gpt2().merges(List.of("a b", "b a")), "merges[1]", "result");
        refused(gpt2().merges(List.of("x b")), "merges[0]", "left part");
        refused(gpt2().merges(List.of("a x")), "merges[0]", "right part");
        for (String merge : new String[] {"ab", "", " ", "a ", " b", "a b b"}) {
            refused(gpt2().merges(List.of(merge)), "merges[0]");
        }
        // Merges make a text longer, so that a circle cannot be written; a merge of nothing would be one.
        refused(gpt2().merges(List.of("a ", " a")), "merges[0]");
    }

    @Test
    void emptyTokensAreHolesThatNothingEncodesTo() {
        Tokenizer tokenizer = Tokenizers.of(Vocabulary.builder("gpt2", List.of("a", "", "", "b")).merges(List.of()).build());
        assertThat(tokenizer.encode("ab", false, true)).containsExactly(0, 3);
        assertThat(tokenizer.decode(new int[] {0, 1, 3})).isEqualTo("ab");
    }

    @Test
    void bytesWithoutATokenBecomeUnknownOrNothing() {
        assertThat(Tokenizers.of(gpt2().build()).encode("axb", false, false)).containsExactly(0, 1);
        assertThat(Tokenizers.of(gpt2().unk(5).build()).encode("axb", false, false)).containsExactly(0, 5, 1);
        assertThat(Tokenizers.of(llama().build()).encode("aAz", false, false)).containsExactly(6, 3, 0);
    }

    @Test
    void controlTokensAreParsedOnDemandAndUserDefinedOnesAlways() {
        Tokenizer tokenizer = Tokenizers.of(gpt2().build());
        assertThat(tokenizer.encode("a<u>b<s>ab", false, true)).containsExactly(0, 5, 1, 3, 2);
        assertThat(tokenizer.encode("<u><s>", false, false)).containsExactly(5);
        assertThat(tokenizer.decode(new int[] {3, 0, 5, 4})).isEqualTo("a<u>");
        assertThat(tokenizer.decode(new int[] {3, 0, 5, 4}, true)).isEqualTo("<s>a<u></s>");
    }

    @Test
    void theLongestSpecialTokenWins() {
        List<String> tokens = List.of("<", "<|", "<|x", "<|x|>", "x", "|", ">");
        Tokenizer tokenizer = Tokenizers.of(Vocabulary.builder("gpt2", tokens).merges(List.of())
                .types(new int[] {1, 3, 4, 3, 1, 1, 1}).build());
        assertThat(tokenizer.encode("<|x|><|x<|<", false, true)).containsExactly(3, 2, 1, 0);
        assertThat(tokenizer.encode("<|x|>", false, false)).containsExactly(2, 5, 6);
    }

    @Test
    void whatGoesInFrontAndBehindIsAsTheVocabularySays() {
        Vocabulary.Builder builder = gpt2().bos(3).eos(4);
        assertThat(Tokenizers.of(builder.build()).encode("a", true, false)).containsExactly(0);
        assertThat(Tokenizers.of(builder.addBos(true).addEos(true).build()).encode("a", true, false))
                .containsExactly(3, 0, 4);
        assertThat(Tokenizers.of(builder.pre("llama-bpe").addBos(null).addEos(null).build()).encode("", true, false))
                .containsExactly(3);
        assertThat(Tokenizers.of(llama().build()).encode("", true, false)).containsExactly(1);
        assertThat(Tokenizers.of(llama().addBos(false).build()).encode("a", true, false)).containsExactly(6);
        assertThat(Tokenizers.of(llama().addSpacePrefix(false).build()).encode("a", true, false)).containsExactly(1, 5);
    }

    @Test
    void theSpaceInFrontComesBackBehindSpecialTokensUnlessOnce() {
        assertThat(Tokenizers.of(llama().build()).encode("a<s>a", false, true)).containsExactly(6, 1, 6);
        assertThat(Tokenizers.of(llama().prefixOnce(true).build()).encode("a<s>a", false, true)).containsExactly(6, 1, 5);
    }

    @Test
    void specialTokensSwallowWhiteSpaceWhereTheyAreSaidTo() {
        BitSet user = new BitSet();
        user.set(5);
        Tokenizer right = Tokenizers.of(gpt2().stripRight(user).build());
        assertThat(right.encode("a <u> \n b", false, false)).containsExactly(0, 6, 5, 1);
        Tokenizer left = Tokenizers.of(gpt2().stripLeft(user).build());
        assertThat(left.encode("a  <u> b", false, false)).containsExactly(0, 5, 6, 1);
    }

    @Test
    void plainTextNeverBecomesAControlToken() {
        // The characters of </s> join pairwise, so that only its type keeps the last merge from happening.
        List<String> tokens = List.of("<", "/", "s", ">", "</", "s>", "</s>");
        Tokenizer tokenizer = Tokenizers.of(Vocabulary.builder("llama", tokens).scores(new float[7])
                .types(new int[] {1, 1, 1, 1, 1, 1, 3}).addSpacePrefix(false).build());
        assertThat(tokenizer.encode("</s>", false, false)).containsExactly(4, 5);
    }

    @Test
    void endsOfGenerationAreThoseNamedAndThoseKnownBySpelling() {
        List<String> tokens = new ArrayList<>(List.of("a", "<|im_end|>", "</s>", "<|eot_id|>", "<end>", "b", "c"));
        Tokenizer tokenizer = Tokenizers.of(Vocabulary.builder("gpt2", tokens).merges(List.of())
                .types(new int[] {1, 3, 3, 3, 3, 1, 1}).eos(4).eot(5).build());
        for (int id = 0; id < tokens.size(); id++) {
            assertThat(tokenizer.isEndOfGeneration(id)).as(tokens.get(id)).isEqualTo(id >= 1 && id <= 5);
        }
    }

    @Test
    void wordPieceSplitsFoldsAndGivesUpWordByWord() {
        Vocabulary.Builder builder = Vocabulary.builder("bert",
                List.of("[UNK]", "[CLS]", "[SEP]", "\u2581cafe", "\u2581un", "able", "\u2581!", "\u2581CAFE"))
                .types(new int[] {2, 3, 3, 1, 1, 1, 1, 1}).unk(0).cls(1).sep(2);
        Tokenizer tokenizer = Tokenizers.of(builder.build());
        assertThat(tokenizer.encode("Café\tUN\u200DABLE! unx", true, false)).containsExactly(1, 3, 4, 5, 6, 0, 2);
        assertThat(tokenizer.encode("[CLS]cafe", false, true)).containsExactly(1, 3);
        assertThat(tokenizer.decode(new int[] {1, 3, 4, 5, 6, 2})).isEqualTo("cafe unable !");
        assertThat(Tokenizers.of(builder.lowercase(false).build()).encode("CAFE", false, false)).containsExactly(7);
    }
}
