package redoubt.interop;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Clients of the field cannot tell Redoubt's exports from good disks, on every level, healthy and degraded. What they do
 * is in {@link ClientChecks}; fio has a class of its own.
 */
@Interop
@ParameterizedClass
@MethodSource("redoubt.interop.Export#all")
class ClientsTest {
    private static final long SEED = 20231114;

    private final Export export;
    private Scratch scratch;
    private RedoubtProcess served;
    private ClientChecks checks;

    ClientsTest(Export export) {
        this.export = export;
    }

    @BeforeAll
    static void needsClients() {
        Peer.require(Peer.NBDINFO, Peer.NBDCOPY, Peer.NBDSH, Peer.QEMU_IMG, Peer.QEMU_IO);
    }

    @BeforeEach
    void serve() {
        scratch = Scratch.make();
        served = export.serve(scratch);
        checks = new ClientChecks(served.uri(RedoubtArray.VOLUME), RedoubtArray.VOLUME, scratch);
    }

    /** Whatever the clients did, the server lives on and stops when it is asked to. */
    @AfterEach
    void stop() {
        try {
            if (served != null) {
                served.stop().mustSucceed();
            }
        } finally {
            if (served != null) {
                served.close();
            }
            scratch.close();
        }
    }

    @Execution(ExecutionMode.CONCURRENT)
    @Test
    void nbdinfoSeesTheExport() {
        checks.nbdinfoTellsWhatTheExportCan();
        checks.nbdinfoListsTheExport();
    }

    @Execution(ExecutionMode.CONCURRENT)
    @Test
    void nbdcopyGoesBothWays() {
        checks.nbdcopyGoesBothWays();
    }

    @Execution(ExecutionMode.CONCURRENT)
    @Test
    void qemuFindsWhatItWrote() {
        checks.qemuImgConvertsAndCompares();
        checks.qemuIoFindsItsPatterns();
    }

    @Execution(ExecutionMode.CONCURRENT)
    @Test
    void libnbdShellIsContent() {
        checks.libnbdShellIsContent(SEED);
    }
}
