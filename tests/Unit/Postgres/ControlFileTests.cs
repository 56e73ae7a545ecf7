using System.Buffers.Binary;
using System.Numerics;
using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class ControlFileTests
{
    private const string Printed = """
        pg_control version number:            1300
        Catalog version number:               202209061
        Database system identifier:           7301234567890123456
        Database cluster state:               shut down in recovery
        pg_control last modified:             Mon 01 Jan 2024 10:11:12 AM UTC
        Latest checkpoint location:           16/B374D848
        Latest checkpoint's REDO location:    16/B374D810
        Latest checkpoint's REDO WAL file:    000000020000001600000000
        Latest checkpoint's TimeLineID:       2
        Latest checkpoint's PrevTimeLineID:   1
        """;

    [Fact]
    public void Reads_what_pg_controldata_prints() => Assert.Equal(
        new ControlFile(ControlState.ShutDownInRecovery, 7301234567890123456, Lsn.Parse("16/B374D848"), 2), ControlFile.ParseText(Printed));

    [Theory]
    [InlineData("Database cluster state:               shut down in recovery", "Database cluster state: asleep")]
    [InlineData("Latest checkpoint location", "Where")]
    public void What_it_does_not_know_is_an_error(string from, string to) =>
        Assert.Equal(
            Reason.PostgresUnavailable,
            Assert.Throws<PgClusterException>(() => ControlFile.ParseText(Printed.Replace(from, to, StringComparison.Ordinal))).Reason);

    [Theory]
    [InlineData(ControlState.ShutDown, true)]
    [InlineData(ControlState.ShutDownInRecovery, true)]
    [InlineData(ControlState.Startup, false)]
    [InlineData(ControlState.ShuttingDown, false)]
    [InlineData(ControlState.InCrashRecovery, false)]
    [InlineData(ControlState.InArchiveRecovery, false)]
    [InlineData(ControlState.InProduction, false)]
    public void Reads_the_file_itself(object state, bool clean)
    {
        var control = ControlFile.TryParse(Make(1300, (int)(ControlState)state, 288));
        Assert.Equal(new ControlFile((ControlState)state, 42, Lsn.Parse("1/2000028"), 7), control);
        Assert.Equal(clean, control!.IsClean);
        Assert.Equal(clean, control.ToShutdown().Clean);
    }

    [Fact]
    public void A_torn_short_or_unknown_file_is_not_believed()
    {
        var torn = Make(1300, 6, 288);
        torn[33] ^= 1;
        Assert.Null(ControlFile.TryParse(torn));
        Assert.Null(ControlFile.TryParse(Make(1300, 6, 288).AsSpan(0, 300)));
        Assert.Null(ControlFile.TryParse(Make(1200, 6, 288)));
        Assert.NotNull(ControlFile.TryParse(Make(1700, 6, 288)));
        Assert.NotNull(ControlFile.TryParse(Make(1800, 6, 296)));
    }

    private static byte[] Make(uint version, int state, int checksumAt)
    {
        var bytes = new byte[8192];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, 42);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), state);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), 0x1_0200_0028);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(48), 7);
        var crc = uint.MaxValue;
        foreach (var b in bytes.AsSpan(0, checksumAt))
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(checksumAt), ~crc);
        return bytes;
    }
}
