package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * What clients of the field do to an export, given by its URI, and what they must then see. Nothing here knows Redoubt:
 * the same checks are run against nbdkit, so that a failure is known to be ours.
 */
final class ClientChecks {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CONNECTIONS = 4;

    private final String uri;
    private final String name;
    private final Scratch scratch;

    ClientChecks(String uri, String name, Scratch scratch) {
        this.uri = uri;
        this.name = name;
        this.scratch = scratch;
    }

    long size() {
        return Long.parseLong(
                Peer.NBDINFO.command("--size", uri).run().mustSucceed().out().strip());
    }

    /** nbdinfo negotiates everything that an export can be asked for. */
    void nbdinfoTellsWhatTheExportCan() {
        JsonNode told = JSON.readTree(
                Peer.NBDINFO.command("--json", uri).run().mustSucceed().out());
        assertThat(told.get("protocol").asString()).isEqualTo("newstyle-fixed");
        assertThat(told.get("structured").asBoolean()).isTrue();
        JsonNode export = told.get("exports").get(0);
        assertThat(export.get("export-size").asLong()).isPositive().isEqualTo(size());
        assertThat(export.get("is_read_only").asBoolean()).isFalse();
        for (String ability :
                List.of("can_df", "can_flush", "can_fua", "can_multi_conn", "can_trim", "can_zero", "can_cache")) {
            assertThat(export.get(ability).asBoolean()).as(ability).isTrue();
        }
        assertThat(export.get("contexts").toString()).contains("base:allocation");
        Peer.NBDINFO.command("--map", uri).run().mustSucceed();
    }

    void nbdinfoListsTheExport() {
        JsonNode told = JSON.readTree(Peer.NBDINFO
                .command("--list", "--json", uri)
                .run()
                .mustSucceed()
                .out());
        assertThat(told.get("exports")
                        .valueStream()
                        .map(export -> export.get("export-name").asString()))
                .contains(name);
    }

    /** nbdcopy in and out again, with its four connections and many requests in flight. */
    void nbdcopyGoesBothWays() {
        Path written = Content.pattern(scratch.file("nbdcopy.in"), size(), 1);
        Path read = scratch.file("nbdcopy.out");
        Peer.NBDCOPY.command("--flush", written.toString(), uri).run().mustSucceed();
        Peer.NBDCOPY.command(uri, read.toString()).run().mustSucceed();
        assertThat(Content.sha256(read)).isEqualTo(Content.sha256(written));
        remove(written, read);
    }

    void qemuImgConvertsAndCompares() {
        Path written = Content.pattern(scratch.file("qemu.in"), size(), 2);
        Path qcow2 = scratch.file("qemu.qcow2");
        Peer.QEMU_IMG
                .command("convert", "-n", "-f", "raw", "-O", "raw", written.toString(), uri)
                .run()
                .mustSucceed();
        Peer.QEMU_IMG
                .command("compare", "-f", "raw", "-F", "raw", written.toString(), uri)
                .run()
                .mustSucceed();
        Peer.QEMU_IMG
                .command("convert", "-f", "raw", "-O", "qcow2", uri, qcow2.toString())
                .run()
                .mustSucceed();
        Peer.QEMU_IMG
                .command("compare", "-f", "raw", "-F", "qcow2", written.toString(), qcow2.toString())
                .run()
                .mustSucceed();
        remove(written, qcow2);
    }

    /** qemu-io writes with and without FUA, zeroes, discards, and checks each pattern that it reads. */
    void qemuIoFindsItsPatterns() {
        Outcome outcome = Peer.QEMU_IO
                .command(
                        "-f",
                        "raw",
                        "-c",
                        "write -P 0x5a 4k 300k",
                        "-c",
                        "write -f -P 0x11 1000k 3k",
                        "-c",
                        "write -P 0x77 3145215 1027",
                        "-c",
                        "flush",
                        "-c",
                        "read -P 0x5a 4k 300k",
                        "-c",
                        "read -P 0x11 1000k 3k",
                        "-c",
                        "read -P 0x77 3145215 1027",
                        "-c",
                        "write -z 100k 64k",
                        "-c",
                        "read -P 0 100k 64k",
                        "-c",
                        "read -P 0x5a 4k 96k",
                        "-c",
                        "write -z -u 200k 64k",
                        "-c",
                        "read -P 0 200k 64k",
                        "-c",
                        "discard 2M 1M",
                        "-c",
                        "aio_write -P 0x21 2M 512k",
                        "-c",
                        "aio_write -P 0x22 2560k 512k",
                        "-c",
                        "aio_flush",
                        "-c",
                        "read -P 0x21 2M 512k",
                        "-c",
                        "read -P 0x22 2560k 512k",
                        uri)
                .run()
                .mustSucceed();
        assertThat(outcome.out()).doesNotContain("failed");
    }

    /** libnbd's shell reads, writes and misbehaves on purpose; see client.py. */
    void libnbdShellIsContent(long seed) {
        Path script = scratch.file("client.py");
        try (var in = ClientChecks.class.getResourceAsStream("client.py")) {
            assertThat(in).isNotNull();
            Files.write(script, in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Outcome outcome = Peer.NBDSH
                .command("--base-allocation", "-u", uri, "-c", "seed = %d".formatted(seed), "-c", "-")
                .from(script)
                // libnbd's module belongs to the system's own Python, whichever other one may come first on PATH.
                .env("PATH", "/usr/bin:/bin")
                .run();
        if (outcome.err().contains("No module named")) {
            throw new PeerMissing("no libnbd for Python on this machine: apt-get install python3-libnbd");
        }
        assertThat(outcome.mustSucceed().out()).contains("client.py: all is well");
        remove(script);
    }

    /**
     * fio over four connections, each on a quarter of the export: random writes of mixed sizes, eight in flight, each read
     * back and verified some hundred requests later, for so many seconds.
     */
    FioJob fioVerifies(int seconds, int seed) {
        Path report = scratch.file("fio%d.json".formatted(seed));
        long quarter = size() / CONNECTIONS / 4096 * 4096;
        Outcome outcome = Peer.FIO
                .command(
                        "--name=verified",
                        "--ioengine=nbd",
                        "--uri=" + uri,
                        "--rw=randwrite",
                        "--bssplit=512/10:4k/40:16k/20:64k/20:128k/10",
                        "--blockalign=512",
                        "--iodepth=8",
                        "--numjobs=" + CONNECTIONS,
                        "--size=" + quarter,
                        "--offset_increment=" + quarter,
                        "--verify=crc32c",
                        "--verify_backlog=128",
                        "--verify_fatal=1",
                        "--verify_state_save=0",
                        "--serialize_overlap=1",
                        "--time_based",
                        "--runtime=" + seconds,
                        "--randseed=" + seed,
                        "--group_reporting",
                        "--output-format=json",
                        "--output=" + report)
                .in(scratch.folder())
                .within(Duration.ofSeconds(seconds + 60L))
                .run()
                .mustSucceed();
        JsonNode job = fioReport(report).get("jobs").get(0);
        FioJob done = new FioJob(
                job.get("error").asInt(),
                job.get("read").get("total_ios").asLong(),
                job.get("write").get("total_ios").asLong());
        assertThat(done.error()).as(outcome.toString()).isZero();
        assertThat(done.writes()).as("writes of fio").isPositive();
        assertThat(done.reads()).as("verified reads of fio").isPositive();
        return done;
    }

    /** How much fio did. */
    record FioJob(int error, long reads, long writes) {}

    /** fio may say a few words before its JSON. */
    private static JsonNode fioReport(Path report) {
        try {
            String text = Files.readString(report);
            return JSON.readTree(text.substring(text.indexOf('{')));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void remove(Path... files) {
        try {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
