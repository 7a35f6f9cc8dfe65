package io.lanewise.train;

import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Vocabulary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Text files as token ids, a part to train on and a part held out. Each file is memory-mapped, tokenised once and kept in
 * a cache folder under a name made of its content, its vocabulary and how it was cut, so that whatever changes makes new
 * files. The last part of each file is held out.
 */
public final class TextCorpus implements AutoCloseable {
    /** What parts the documents of a file; an end-of-sequence token is put behind each. */
    public enum Documents {
        /** Nothing: a file is one text, and no token is put anywhere. */
        NONE,
        /** A file is one document. */
        FILE,
        /** Each line that is not blank is a document. */
        LINE,
        /** Blank lines part documents. */
        PARAGRAPH
    }

    private static final Pattern LINES = Pattern.compile("\\R");
    private static final Pattern BLANK_LINES = Pattern.compile("\\R\\s*\\R");

    private final List<TokenFile> files = new ArrayList<>();
    private final TokenStream train;
    private final TokenStream validation;

    private TextCorpus(List<Path> paths, Tokenizer tokenizer, Documents documents, double heldOut, Path cache) {
        List<TokenFile> first = new ArrayList<>();
        List<TokenFile> last = new ArrayList<>();
        for (Path path : paths) {
            try (TextFile text = TextFile.open(path)) {
                long split = split(text, documents, heldOut);
                first.add(tokens(text, 0, split, tokenizer, documents, cache));
                if (split < text.size()) {
                    last.add(tokens(text, split, text.size(), tokenizer, documents, cache));
                }
            } catch (RuntimeException failed) {
                close();
                throw failed;
            }
        }
        train = TokenStream.concatenation(first);
        validation = TokenStream.concatenation(last);
    }

    /**
     * Opens texts, tokenising those that are not in the cache.
     *
     * @param heldOut the fraction of each file, from its end, that is held out; 0 to below 1
     * @param cache a folder for token files, made if missing
     * @throws IllegalArgumentException if a file is missing or empty, or documents are asked for and the vocabulary has
     *     no end-of-sequence token
     */
    public static TextCorpus open(List<Path> files, Tokenizer tokenizer, Documents documents, double heldOut,
            Path cache) {
        if (files.isEmpty()) {
            throw new IllegalArgumentException("texts: expected at least one file to train on");
        }
        if (!(heldOut >= 0 && heldOut < 1)) {
            throw new IllegalArgumentException("held-out fraction: expected 0 to below 1, got " + heldOut);
        }
        if (documents != Documents.NONE && tokenizer.eos() < 0) {
            throw new IllegalArgumentException(
                    "documents: the vocabulary has no end-of-sequence token to put behind them");
        }
        return new TextCorpus(files, tokenizer, documents, heldOut, cache);
    }

    /** The texts of the part of each file that is not held out, for training a vocabulary. */
    public static List<String> trainingTexts(List<Path> files, Documents documents, double heldOut) {
        List<String> texts = new ArrayList<>();
        for (Path path : files) {
            try (TextFile text = TextFile.open(path)) {
                text.chunks(0, split(text, documents, heldOut)).forEach(texts::add);
            }
        }
        return texts;
    }

    private static long split(TextFile text, Documents documents, double heldOut) {
        if (heldOut == 0) {
            return text.size();
        }
        long split = text.splitAt(1 - heldOut);
        return documents == Documents.NONE || documents == Documents.FILE ? split : text.lineAt(split);
    }

    private TokenFile tokens(TextFile text, long from, long to, Tokenizer tokenizer, Documents documents, Path cache) {
        MessageDigest digest = TextFile.sha256();
        text.digest(digest, from, to);
        digest(digest, tokenizer.vocabulary());
        digest.update(documents.name().getBytes(StandardCharsets.UTF_8));
        String name = HexFormat.of().formatHex(digest.digest(), 0, 16);
        TokenFile tokens = TokenFile.openOrMake(cache.resolve(name + ".tokens"), tokenizer.vocabSize(), to - from,
                sink -> encode(text, from, to, tokenizer, documents, sink));
        files.add(tokens);
        return tokens;
    }

    private static void digest(MessageDigest digest, Vocabulary vocabulary) {
        for (String part : List.of(vocabulary.model(), String.valueOf(vocabulary.pre()),
                String.valueOf(vocabulary.ids()), String.valueOf(vocabulary.addSpacePrefix()),
                Arrays.toString(vocabulary.types()), Arrays.toString(vocabulary.scores()))) {
            digest.update(part.getBytes(StandardCharsets.UTF_8));
        }
        for (String token : vocabulary.tokens()) {
            digest.update(token.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
        }
        for (String merge : vocabulary.merges() == null ? List.<String>of() : vocabulary.merges()) {
            digest.update(merge.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
        }
    }

    private static void encode(TextFile text, long from, long to, Tokenizer tokenizer, Documents documents,
            TokenFile.Sink sink) throws IOException {
        int[] end = {tokenizer.eos()};
        switch (documents) {
            case NONE, FILE -> {
                for (String chunk : encodable(text, from, to, tokenizer)) {
                    sink.add(tokenizer.encode(chunk, false, false));
                }
                if (documents == Documents.FILE) {
                    sink.add(end);
                }
            }
            case LINE, PARAGRAPH -> {
                Pattern border = documents == Documents.LINE ? LINES : BLANK_LINES;
                for (String document : border.split(text.text(from, to))) {
                    if (!document.isBlank()) {
                        sink.add(tokenizer.encode(document.strip(), false, false));
                        sink.add(end);
                    }
                }
            }
        }
    }

    /** Only under GPT-2's rule is it known that a cut changes no token. */
    private static Iterable<String> encodable(TextFile text, long from, long to, Tokenizer tokenizer) {
        Vocabulary vocabulary = tokenizer.vocabulary();
        boolean cuttable = vocabulary.model().equals("gpt2") && "gpt-2".equals(vocabulary.pre());
        return cuttable ? text.chunks(from, to) : List.of(text.text(from, to));
    }

    /** What to train on. */
    public TokenStream train() {
        return train;
    }

    /** What is held out; empty where nothing is. */
    public TokenStream validation() {
        return validation;
    }

    /** Unmaps the token files; the streams must not be used any more. */
    @Override
    public void close() {
        files.forEach(TokenFile::close);
    }
}
