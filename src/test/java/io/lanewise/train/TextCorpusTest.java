package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Tokenizers;
import io.lanewise.tokenizer.VocabularyTrainer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextCorpusTest {
    private static final TextCorpus.Documents NONE = TextCorpus.Documents.NONE;

    @TempDir
    Path folder;

    @Test
    void theLastPartOfEachFileIsHeldOutAndNoCharacterIsCut() throws IOException {
        Path first = file("a.txt", "0123456789");
        Path second = file("b.txt", "abcdefgh\u00e9\u00e9");
        Tokenizer tokenizer = characters("0123456789abcdefgh\u00e9");
        try (TextCorpus corpus = TextCorpus.open(List.of(first, second), tokenizer, NONE, 0.25, cache())) {
            assertThat(text(tokenizer, corpus.train())).isEqualTo("0123456" + "abcdefgh\u00e9");
            assertThat(text(tokenizer, corpus.validation())).isEqualTo("789" + "\u00e9");
            assertThat(corpus.train().textBytes()).isEqualTo(7 + 10);
            assertThat(corpus.validation().textBytes()).isEqualTo(3 + 2);
        }
    }

    @Test
    void aTextIsTokenisedOnceAndAgainWhenItChanges() throws IOException {
        Path text = file("a.txt", "to be or not to be");
        Tokenizer tokenizer = characters("to be or not to be!");
        TextCorpus.open(List.of(text), tokenizer, NONE, 0.5, cache()).close();
        List<Path> made = cached();
        assertThat(made).hasSize(2);
        Files.setLastModifiedTime(made.getFirst(), FileTime.fromMillis(0));
        TextCorpus.open(List.of(text), tokenizer, NONE, 0.5, cache()).close();
        assertThat(Files.getLastModifiedTime(made.getFirst()).toMillis()).as("not written again").isZero();
        Files.writeString(text, "!", StandardOpenOption.APPEND);
        TextCorpus.open(List.of(text), tokenizer, NONE, 0, cache()).close();
        assertThat(cached()).hasSize(3);
        TextCorpus.open(List.of(text), characters("to be or not to be!?"), NONE, 0, cache()).close();
        assertThat(cached()).hasSize(4);
    }

    @Test
    void aCacheFileThatIsNotWholeIsMadeAnew() throws IOException {
        Path text = file("a.txt", "to be or not to be");
        Tokenizer tokenizer = characters("to be or not to be");
        TextCorpus.open(List.of(text), tokenizer, NONE, 0, cache()).close();
        byte[] whole = Files.readAllBytes(cached().getFirst());
        Files.write(cached().getFirst(), Arrays.copyOf(whole, whole.length - 1));
        try (TextCorpus corpus = TextCorpus.open(List.of(text), tokenizer, NONE, 0, cache())) {
            assertThat(text(tokenizer, corpus.train())).isEqualTo("to be or not to be");
        }
    }

    @Test
    void documentsEndWithTheEndOfText() throws IOException {
        Path text = file("a.txt", "ab\n\nba\n \nab\nbb\n");
        Tokenizer tokenizer = characters("ab\n ");
        assertThat(spelled(tokenizer, text, TextCorpus.Documents.LINE)).isEqualTo("ab|ba|ab|bb|");
        assertThat(spelled(tokenizer, text, TextCorpus.Documents.PARAGRAPH)).isEqualTo("ab|ba|ab\nbb|");
        assertThat(spelled(tokenizer, text, TextCorpus.Documents.FILE)).isEqualTo("ab\n\nba\n \nab\nbb\n|");
    }

    @Test
    void wholeLinesAreHeldOutWhereLinesAreDocuments() throws IOException {
        Path text = file("a.txt", "aaaa\nbbbb\naaaa\nbbbb\n");
        Tokenizer tokenizer = characters("ab\n");
        try (TextCorpus corpus = TextCorpus.open(List.of(text), tokenizer, TextCorpus.Documents.LINE, 0.4, cache())) {
            assertThat(text(tokenizer, corpus.train())).isEqualTo("aaaabbbbaaaa");
            assertThat(text(tokenizer, corpus.validation())).isEqualTo("bbbb");
        }
    }

    @Test
    void aLongTextGivesTheTokensOfOnePiece() throws IOException {
        Random random = new Random(1);
        StringBuilder text = new StringBuilder();
        while (text.length() < 2_300_000) {
            text.append("the of\u00e9 and 12 it's  \n\n\t ,. ".charAt(random.nextInt(27)));
        }
        Path file = file("long.txt", text.toString());
        Tokenizer tokenizer = Tokenizers.of(VocabularyTrainer.byteLevelBpe(List.of(text.substring(0, 10_000)), 300));
        try (TextCorpus corpus = TextCorpus.open(List.of(file), tokenizer, NONE, 0, cache())) {
            assertThat(ids(corpus.train())).isEqualTo(tokenizer.encode(text.toString(), false, false));
        }
    }

    @Test
    void mistakesAreNamed() throws IOException {
        Tokenizer tokenizer = Tokenizers.of(VocabularyTrainer.characters(List.of("ab"), false));
        assertThatThrownBy(() -> open(tokenizer, folder.resolve("none"), NONE)).hasMessageContaining("no such file");
        assertThatThrownBy(() -> open(tokenizer, folder, NONE)).hasMessageContaining("is a folder");
        assertThatThrownBy(() -> open(tokenizer, file("empty", ""), NONE)).hasMessageContaining("is empty");
        assertThatThrownBy(() -> open(tokenizer, file("a", "a"), TextCorpus.Documents.LINE))
                .hasMessageContaining("end-of-sequence");
    }

    private void open(Tokenizer tokenizer, Path file, TextCorpus.Documents documents) {
        TextCorpus.open(List.of(file), tokenizer, documents, 0, cache()).close();
    }

    private String spelled(Tokenizer tokenizer, Path file, TextCorpus.Documents documents) {
        try (TextCorpus corpus = TextCorpus.open(List.of(file), tokenizer, documents, 0, cache())) {
            return tokenizer.decode(ids(corpus.train()), true).replace(VocabularyTrainer.END_OF_TEXT, "|");
        }
    }

    private static Tokenizer characters(String text) {
        return Tokenizers.of(VocabularyTrainer.characters(List.of(text), true));
    }

    private static String text(Tokenizer tokenizer, TokenStream stream) {
        return tokenizer.decode(ids(stream));
    }

    private static int[] ids(TokenStream stream) {
        return IntStream.range(0, (int) stream.size()).map(stream::at).toArray();
    }

    private Path file(String name, String text) throws IOException {
        return Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8));
    }

    private Path cache() {
        return folder.resolve("cache");
    }

    private List<Path> cached() throws IOException {
        try (Stream<Path> files = Files.list(cache())) {
            return files.sorted().toList();
        }
    }
}
