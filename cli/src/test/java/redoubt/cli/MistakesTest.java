package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** What somebody does in the first hour, with one's own words mixed up and no serials at hand: nothing is lost, and the answer helps. */
class MistakesTest {

    private static final int DISK_BYTES = 24 << 20;
    private static final int CONTENT_BYTES = 4 << 20;

    @TempDir
    private Path folder;

    private Run run(String... words) {
        return Run.of(folder, words);
    }

    private String disk(String name) throws IOException {
        Path path = folder.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(DISK_BYTES);
        }
        return path.toString();
    }

    private void create(String name, String level, String... words) {
        List<String> all = new ArrayList<>(List.of("create", name, "--metadata", "imsm", "--level", level, "--yes"));
        all.addAll(List.of(words));
        Run run = run(all.toArray(String[]::new));
        assertThat(run.exit()).as(run.err()).isZero();
    }

    /** Images of both, as somebody makes them who forgets to note the serials; the content says nothing about the order. */
    private List<String> images(String... disks) throws IOException {
        List<String> images = new ArrayList<>();
        for (String disk : disks) {
            byte[] noise = new byte[CONTENT_BYTES];
            new Random(disk.hashCode()).nextBytes(noise);
            byte[] image = Files.readAllBytes(Path.of(disk));
            System.arraycopy(noise, 0, image, 0, noise.length);
            images.add(Files.write(Path.of(disk + ".img"), image).toString());
        }
        return images;
    }

    @Test
    void whatIsNotKnownIsNotSaid() throws IOException {
        String first = disk("0");
        String second = disk("1");
        create("v", "0", first + ",serial=A", second + ",serial=B");
        List<String> images = images(first, second);

        Run scan = run("scan", images.get(0), images.get(1));
        assertThat(scan.exit()).isEqualTo(65);
        assertThat(scan.out())
                .contains("slot 0: in sync, one of " + images.get(0) + ", " + images.get(1), "which disk is which")
                .contains("lsblk -o NAME,SERIAL")
                .doesNotContain("(assumed)")
                .containsOnlyOnce("arrangements");
        JsonNode slot = new ObjectMapper()
                .readTree(run("scan", "--json", images.get(0), images.get(1)).out())
                .at("/containers/0/volumes/0/slots/0");
        assertThat(slot.get("path").isNull()).isTrue();
        assertThat(slot.get("one_of")).hasSize(2);

        for (String image : images) {
            assertThat(run("examine", image).out()).contains("This Slot : ?");
        }
        assertThat(run("examine", images.get(1) + ",serial=B").out()).contains("This Slot : 1");
    }

    @Test
    void aVolumeThatIsLeftOutIsNamed() throws IOException {
        String first = disk("0");
        String second = disk("1");
        create("v", "1", "--size", "6M", first + ",serial=A", second + ",serial=B");
        create("w", "0", first + ",serial=A", second + ",serial=B");
        List<String> images = new ArrayList<>();
        for (String disk : List.of(first, second)) {
            byte[] image = Files.readAllBytes(Path.of(disk));
            byte[] noise = new byte[CONTENT_BYTES];
            new Random(disk.hashCode()).nextBytes(noise);
            System.arraycopy(noise, 0, image, 12 << 20, noise.length);
            images.add(Files.write(Path.of(disk + ".img"), image).toString());
        }
        Path out = folder.resolve("out");
        Run copy = run("copy", images.get(0), images.get(1), out.toString());
        assertThat(copy.exit()).as(copy.err()).isZero();
        assertThat(copy.err()).contains("copied v", "w is left out: w (raid0, 2 members): it cannot be told");
        Run asked = run("copy", "--overwrite", "--array", "v", images.get(0), images.get(1), out.toString());
        assertThat(asked.err()).contains("copied v").doesNotContain("left out");
    }

    @Test
    void aForgottenDestinationCostsNoDisk() throws IOException {
        String first = disk("0");
        String second = disk("1");
        create("v", "1", first + ",serial=A", second + ",serial=B");
        byte[] before = Files.readAllBytes(Path.of(second));
        for (String how : List.of("--keep-going", "--overwrite")) {
            Run copy = run("copy", how, first + ",serial=A", second);
            assertThat(copy.exit()).isEqualTo(77);
            assertThat(copy.err())
                    .contains("carries imsm metadata", "name another DEST")
                    .doesNotContain("insist");
        }
        assertThat(Path.of(second)).hasBinaryContent(before);
    }

    @Test
    void aFolderThatIsNotThereIsNamed() throws IOException {
        String disk = disk("0");
        create("v", "1", disk, disk("1"));
        Run copy = run("copy", disk, folder.resolve("no/such").toString());
        assertThat(copy.exit()).isEqualTo(74);
        assertThat(copy.err()).contains("there is no folder '" + folder.resolve("no") + "'");
    }

    @Test
    void aBackupGoesToNoOtherDisk() throws IOException {
        String first = disk("0");
        String second = disk("1");
        create("v", "1", first, second);
        Run again = run("create", "w", "--metadata", "imsm", "--level", "1", "--new-container", "--yes", first, second);
        String backup = again.out()
                .lines()
                .filter(line -> line.startsWith("backup of " + first))
                .map(line -> line.substring(line.indexOf(": ") + 2))
                .findFirst()
                .orElseThrow();
        byte[] before = Files.readAllBytes(Path.of(second));
        Run other = run("restore", backup, second);
        assertThat(other.exit()).isEqualTo(77);
        assertThat(other.err()).contains("'" + first + "'", "'" + second + "'", "--moved");
        assertThat(Path.of(second)).hasBinaryContent(before);

        Path moved = Files.move(Path.of(first), folder.resolve("moved"));
        assertThat(run("restore", "--moved", backup, moved.toString()).exit()).isZero();
        assertThat(run("examine", moved.toString()).out()).contains("[v]:");
    }

    @Test
    void metadataOfAnotherKindIsNamed() throws IOException {
        String disk = disk("0");
        try (RandomAccessFile file = new RandomAccessFile(disk, "rw")) {
            file.seek(file.length() - 512);
            file.write(ByteBuffer.allocate(4).putInt(0xDE11DE11).array());
        }
        assertThat(run("examine", disk).out()).contains("it carries DDF metadata");
        assertThat(run("scan", disk).out()).contains("it carries DDF metadata");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "sacn DISK|there is no verb 'sacn'; see",
                "status v w|'w' is one word too many",
                "scan --jsno DISK|'--jsno'",
                "copy DISK|there is no DEST",
                "scan|DISK must be given",
                "create v DISK|--metadata",
                "scan DISK,serail=X|serial=X",
                "scan DISK DISK|are the same disk",
                "stauts --json|there is no verb 'stauts'"
            })
    void aWordThatIsWrongIsNamed(String line, String said) throws IOException {
        String disk = disk("0");
        create("v", "1", disk, disk("1"));
        Run run = run(
                line.replace("DISK", disk).replace("FOLDER", folder.toString()).split(" "));
        assertThat(run.exit()).as(run.err()).isIn(64, 74);
        assertThat(run.err()).contains(said);
        assertThat(run.err().lines()).hasSize(1);
    }

    @Test
    void aCommandThatIsShownCanBePasted() throws IOException {
        Files.createDirectory(folder.resolve("sp ace"));
        Run made = run(
                "create", "v", "--metadata", "imsm", "--level", "1", disk("sp ace/it's") + ",serial=A", disk("plain"));
        assertThat(made.out()).contains("redoubt serve '" + folder + "/sp ace/it'\\''s,serial=A' " + folder + "/plain");
    }
}
