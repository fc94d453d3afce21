package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import redoubt.testkit.HostTools;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Verbs as users type them: what they print, what they refuse, and how they end. */
class CommandLineTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private String disk(String name) throws IOException {
        Path path = folder.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(24 << 20);
        }
        return path.toString();
    }

    private Run run(String... words) {
        return Run.of(folder, words);
    }

    private Run create(String level, String... disks) {
        List<String> words = new ArrayList<>(List.of("create", "v", "--metadata", "imsm", "--level", level));
        words.addAll(List.of(disks));
        return run(words.toArray(String[]::new));
    }

    @ParameterizedTest
    @CsvSource({
        "frob, 64",
        "'', 64",
        "examine, 64",
        "scan --frob x, 64",
        "create v --level 1 d, 64",
        "create v --metadata 9.9 --level 1 d, 64",
        "create v --metadata imsm --level 7 d, 64",
        "copy x, 64",
        "serve --listen nowhere x, 64",
        "serve --mount /nonexistent/directory x, 74",
        "detail, 64",
        "examine /nonexistent/disk, 74",
        "copy /nonexistent/disk out, 74",
        "sacn x, 64",
        "status v w, 64",
        "restore . d, 64",
        "status --control /nonexistent/socket, 75",
        "status --test --control /nonexistent/socket, 4",
        "detail --control /nonexistent/socket v, 75",
        "restore /nonexistent/backup d, 74"
    })
    void everyRefusalIsOneSentenceAndAnExitCode(String line, int exit) {
        Run run = run(line.isEmpty() ? new String[0] : line.split(" "));
        assertThat(run.exit()).as(run.err()).isEqualTo(exit);
        assertThat(run.err().lines()).hasSize(1).allMatch(said -> said.startsWith("redoubt: "));
        assertThat(run.err()).doesNotContain("Exception", "\tat ");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void everyVerbHasAPageWhoseExamplesAreLawfulWords() {
        CommandLine top = Main.commandLine(Console.ofProcess());
        List<String> examples = new ArrayList<>();
        top.getSubcommands().forEach((verb, command) -> {
            Run page = run("help", verb);
            assertThat(page.exit()).isZero();
            if (!verb.equals("help")) {
                assertThat(page.out()).as(verb).contains("Usage: redoubt " + verb, "Example");
            }
            examples.addAll(List.of(command.getCommandSpec().usageMessage().footer()));
        });
        assertThat(examples.stream().filter(line -> line.strip().startsWith("redoubt ")))
                .hasSizeGreaterThan(15)
                .allSatisfy(line -> {
                    String words = line.strip().replaceFirst(" [|&].*", "").substring("redoubt ".length());
                    Main.commandLine(Console.ofProcess()).parseArgs(words.split(" "));
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nbd://127.0.0.1:1/v",
                "nbd+unix:///v?socket=/nonexistent/socket",
                "nbds://localhost/v",
                "nbd://localhost/v#x"
            })
    void anAddressThatCannotBeUsedIsSaidOnce(String uri) {
        Run run = run("scan", uri);
        assertThat(run.exit()).isIn(64, 65, 74);
        assertThat(run.err()).containsOnlyOnce(uri.substring(0, uri.indexOf(':') + 5));
    }

    @Test
    void theCompletionScriptKnowsTheVerbs() {
        assertThat(run("completion").out()).contains("quickstart", "examine", "--allow-degraded");
    }

    /** Goal: bash completes verbs and options. Method: the script, in bash, asked as bash's own completion asks. */
    @Test
    void bashTakesTheCompletionScriptAndCompletes() throws IOException {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "no bash on this machine");
        Path script = folder.resolve("completion.sh");
        Files.writeString(script, run("completion").out());
        String asked = """
                set -e
                compopt() { :; } # a builtin that works only while a key is pressed
                source '%s'
                complete -p redoubt
                COMP_WORDS=(redoubt qui) COMP_CWORD=1
                _complete_redoubt redoubt qui redoubt
                echo "verbs: ${COMPREPLY[*]}"
                COMP_WORDS=(redoubt serve --allow-deg) COMP_CWORD=2
                _complete_redoubt redoubt --allow-deg serve
                echo "options: ${COMPREPLY[*]}"
                """.formatted(script);
        assertThat(HostTools.run("/bin/bash", "--norc", "-c", asked).lines())
                .first()
                .asString()
                .matches("complete .*-F _complete_redoubt .*redoubt");
        assertThat(HostTools.run("/bin/bash", "--norc", "-c", asked).lines())
                .contains("verbs: quickstart", "options: --allow-degraded");
    }

    @Test
    void whatWasMadeCopiedAndPutBackIsToldAsJson() throws IOException {
        String first = disk("0");
        String second = disk("1");
        byte[] empty = Files.readAllBytes(Path.of(first));
        Run made = run(
                "create",
                "v",
                "--metadata",
                "imsm",
                "--level",
                "1",
                "--json",
                first + ",serial=A",
                second + ",serial=B");
        assertThat(made.err()).isEmpty();
        JsonNode create = JSON.readTree(made.out());
        assertThat(create.at("/output_version/command").asString()).isEqualTo("create");
        assertThat(create.at("/name").asString()).isEqualTo("v");
        assertThat(create.at("/level").asString()).isEqualTo("raid1");
        assertThat(create.at("/degraded").asBoolean()).isFalse();
        assertThat(create.at("/disks/1/serial").asString()).isEqualTo("B");
        assertThat(create.at("/disks/1/word").asString()).isEqualTo(second + ",serial=B");
        assertThat(create.at("/backups").size()).isZero();
        JsonNode scan = JSON.readTree(
                run("scan", "--json", first + ",serial=A", second + ",serial=B").out());
        assertThat(create.at("/uuid")).isEqualTo(scan.at("/containers/0/volumes/0/uuid"));
        assertThat(create.at("/size_bytes")).isEqualTo(scan.at("/containers/0/volumes/0/size_bytes"));

        Path out = folder.resolve("out");
        JsonNode copy = JSON.readTree(
                run("copy", "--json", second + ",serial=B", out.toString()).out());
        assertThat(copy.at("/output_version/command").asString()).isEqualTo("copy");
        assertThat(copy.at("/size_bytes").asLong()).isEqualTo(Files.size(out));
        assertThat(copy.at("/degraded").asBoolean()).isTrue();
        assertThat(copy.at("/torn").asBoolean()).isFalse();
        assertThat(copy.at("/unreadable_blocks").asInt()).isZero();
        assertThat(run("copy", "--json", second + ",serial=B", "-").exit()).isEqualTo(64);

        byte[] before = Files.readAllBytes(Path.of(first));
        Run again = run(
                "create",
                "w",
                "--metadata",
                "imsm",
                "--level",
                "0",
                "--new-container",
                "--yes",
                "--json",
                first,
                second);
        JsonNode backups = JSON.readTree(again.out()).at("/backups");
        assertThat(backups.size()).isEqualTo(2);
        assertThat(backups.at("/0/path").asString()).isEqualTo(first);
        String backup = backups.at("/0/backup").asString();
        assertThat(again.err()).contains("backup of " + first + ": " + backup);

        JsonNode restore = JSON.readTree(run("restore", "--json", backup, first).out());
        assertThat(restore.at("/output_version/command").asString()).isEqualTo("restore");
        assertThat(restore.at("/path").asString()).isEqualTo(first);
        assertThat(restore.at("/time").asString()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ");
        assertThat(Path.of(restore.at("/backup").asString())).exists();
        assertThat(Path.of(first)).hasBinaryContent(before);
        assertThat(before).isNotEqualTo(empty);
    }

    @Test
    void anArrayIsMadeExaminedAndScanned() throws IOException {
        String first = disk("0");
        String second = disk("1");
        assertThat(create("1", first + ",serial=A", second + ",serial=B").exit())
                .isZero();

        JsonNode examined =
                JSON.readTree(run("examine", "--json", first + ",serial=A").out());
        assertThat(examined.at("/output_version/command").asString()).isEqualTo("examine");
        assertThat(examined.at("/examined/0/metadata").asString()).isEqualTo("whole");
        assertThat(examined.at("/examined/0/size_bytes").asLong()).isEqualTo(24 << 20);
        assertThat(examined.at("/examined/0/container/disks").asInt()).isEqualTo(2);
        assertThat(examined.at("/examined/0/volumes/0/name").asString()).isEqualTo("v");
        assertThat(examined.at("/examined/0/volumes/0/array_size").asLong() % 512)
                .isZero();
        assertThat(run("examine", first).out()).contains("Magic : Intel Raid ISM Cfg Sig.", "[v]:", "Slots : [UU]");

        Run scan = run("scan", "--json", second + ",serial=B", first + ",serial=A");
        JsonNode volume = JSON.readTree(scan.out()).at("/containers/0/volumes/0");
        assertThat(volume.at("/level").asString()).isEqualTo("raid1");
        assertThat(volume.at("/identity").asString()).isEqualTo("certain");
        assertThat(volume.at("/writable").asBoolean()).isTrue();
        assertThat(volume.at("/slots/0/path").asString()).isEqualTo(first);
        assertThat(run("scan", second + ",serial=B").out())
                .contains("missing: the disk with serial 'A'", "slot 0: missing, no disk", "[_U]");
    }

    @Test
    void aDiskWithoutMetadataIsNoFaultAndNoArray() throws IOException {
        String empty = disk("0");
        assertThat(run("examine", empty).exit()).isZero();
        assertThat(run("examine", empty).out()).contains("no metadata");
        assertThat(run("scan", empty).exit()).isEqualTo(65);
        Run copy = run("copy", empty, folder.resolve("out").toString());
        assertThat(copy.exit()).isEqualTo(65);
        assertThat(folder.resolve("out")).doesNotExist();
    }

    @Test
    void whatIsNotEmptyIsOverwrittenOnlyWhenTheNameWasTyped() throws IOException {
        String first = disk("0");
        String second = disk("1");
        create("1", first, second);
        byte[] before = Files.readAllBytes(Path.of(first));
        String[] words = {"create", "w", "--metadata", "imsm", "--level", "0", "--new-container", first, second};

        assertThat(Run.of(folder, words).exit()).isEqualTo(77);
        assertThat(Run.typing(folder, "y", words).exit()).isEqualTo(77);
        assertThat(Path.of(first)).hasBinaryContent(before);

        Run done = Run.typing(folder, "w", words);
        assertThat(done.exit()).as(done.err()).isZero();
        assertThat(run("scan", first, second).out()).contains("w: raid0");
        String backup = done.out()
                .lines()
                .filter(line -> line.startsWith("backup of " + first))
                .map(line -> line.substring(line.indexOf(": ") + 2))
                .findFirst()
                .orElseThrow();
        assertThat(run("restore", backup, first).exit()).isZero();
        assertThat(Path.of(first)).hasBinaryContent(before);
    }

    @Test
    void aBackupIsTakenBackOnlyByADiskOfItsSizeAndOnlyWhole() throws IOException {
        String first = disk("0");
        create("0", first, disk("1"));
        Path backups = folder.resolve("redoubt/backups");
        run("create", "w", "--metadata", "imsm", "--level", "0", "--new-container", "--yes", first, disk("1"));
        Path backup;
        try (var files = Files.list(backups)) {
            backup = files.filter(file -> file.getFileName().toString().startsWith("0-"))
                    .findFirst()
                    .orElseThrow();
        }
        String other = disk("other");
        try (RandomAccessFile file = new RandomAccessFile(other, "rw")) {
            file.setLength(25 << 20);
        }
        assertThat(run("restore", backup.toString(), other).exit()).isEqualTo(77);
        byte[] damaged = Files.readAllBytes(backup);
        damaged[damaged.length / 2] ^= 1;
        Files.write(backup, damaged);
        assertThat(run("restore", backup.toString(), first).exit()).isEqualTo(65);
    }

    @Test
    void aSecondVolumeIsPutBesideTheFirst() throws IOException {
        String first = disk("0");
        String second = disk("1");
        run("create", "v", "--metadata", "imsm", "--level", "1", "--size", "6M", first, second);
        Run added = run("create", "w", "--metadata", "imsm", "--level", "0", "--yes", first, second);
        assertThat(added.exit()).as(added.err()).isZero();
        assertThat(run("scan", first, second).out()).contains("v: raid1, 6.0 MiB", "w: raid0");
        Run copy = run("copy", first, second, folder.resolve("out").toString());
        assertThat(copy.exit()).isEqualTo(64);
        assertThat(copy.err()).contains("--array", "\n  v\n", "\n  w\n");
        assertThat(run(
                                "copy",
                                "--array",
                                "w",
                                first,
                                second,
                                folder.resolve("out").toString())
                        .exit())
                .isZero();
    }

    @Test
    void aMemberMayBeMissingAndASpareMayStandBy() throws IOException {
        String first = disk("0");
        String third = disk("2");
        Run made = run(
                "create",
                "v",
                "--metadata",
                "imsm",
                "--level",
                "1",
                "--spare",
                third + ",serial=C",
                "missing",
                first + ",serial=A");
        assertThat(made.exit()).as(made.err()).isZero();
        assertThat(made.out()).contains("degraded from the start", "serial 'C', spare", "serve --allow-degraded ");
        assertThat(run("scan", third + ",serial=C", first + ",serial=A").out()).contains("[_U]", "spare");
        assertThat(run("create", "v", "--metadata", "imsm", "--level", "0", "missing", "missing")
                        .exit())
                .isEqualTo(64);
        assertThat(run("create", "v", "--metadata", "imsm", "--level", "0", "--yes", "missing", first)
                        .exit())
                .isNotZero();
    }

    @Test
    void whatIsOverwrittenIsNamed() throws IOException {
        String first = disk("0");
        create("0", first, disk("1"));
        Run refused = run("create", "w", "--metadata", "imsm", "--level", "0", "--new-container", first, disk("2"));
        assertThat(refused.exit()).isEqualTo(77);
        assertThat(refused.err()).contains(first + " is not empty: imsm metadata of 'v'", "--yes");
        assertThat(refused.err()).doesNotContain(folder.resolve("2") + " is not empty");
    }

    @Test
    void filesThatAreNotThereAreRefusedWithTheCommandThatMakesThem() {
        Run run =
                create("1", folder.resolve("a").toString(), folder.resolve("b").toString());
        assertThat(run.exit()).isEqualTo(74);
        assertThat(run.err()).contains("truncate -s");
    }

    @Test
    void aDegradedArrayIsCopiedAndTheUserIsTold() throws IOException {
        String first = disk("0");
        create("1", first + ",serial=A", disk("1") + ",serial=B");
        Path out = folder.resolve("out");
        Run copy = run("copy", first + ",serial=A", out.toString());
        assertThat(copy.exit()).isZero();
        assertThat(copy.err()).contains("v is degraded: slot 1 is missing", "copied v");
        assertThat(run("copy", first + ",serial=A", out.toString()).exit()).isEqualTo(77);
        assertThat(run("copy", "--overwrite", first + ",serial=A", out.toString())
                        .exit())
                .isZero();
        assertThat(run("copy", first + ",serial=A", first).exit()).isEqualTo(64);
    }

    @ParameterizedTest
    @ValueSource(strings = {"torn", "malformed"})
    void damagedMetadataIsOneSentenceAnd65(String how) throws IOException {
        String first = disk("0");
        create("1", first + ",serial=A", disk("1") + ",serial=B");
        long anchor = (24 << 20) - 2 * 512;
        try (RandomAccessFile file = new RandomAccessFile(first, "rw")) {
            file.seek(anchor + (how.equals("torn") ? 60 : 36));
            file.writeInt(0x7FFFFFFF);
        }
        Run run = run("examine", first);
        assertThat(run.exit()).as(run.out() + run.err()).isEqualTo(65);
        assertThat(run.err().lines()).hasSize(1);
        assertThat(run("examine", "--json", first).out()).contains("\"problem\" : \"");
    }
}
