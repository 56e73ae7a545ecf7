using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Health;

public sealed class LagLimitTests
{
    [Theory]
    [InlineData("0", 0L)]
    [InlineData("1048576", 1048576L)]
    [InlineData("7B", 7L)]
    [InlineData("2kB", 2048L)]
    [InlineData("2KiB", 2048L)]
    [InlineData("16MB", 16777216L)]
    [InlineData("16MiB", 16777216L)]
    [InlineData("1GB", 1073741824L)]
    [InlineData("1TB", 1099511627776L)]
    public void Sizes_are_PostgreSQLs(string text, long bytes) => Assert.Equal(new LagLimit(bytes, null), LagLimit.TryParse(text));

    [Theory]
    [InlineData("5s", 5000)]
    [InlineData("500ms", 500)]
    [InlineData("1m30s", 90000)]
    [InlineData("0s", 0)]
    public void Durations_have_a_unit(string text, int milliseconds) => Assert.Equal(new LagLimit(null, TimeSpan.FromMilliseconds(milliseconds)), LagLimit.TryParse(text));

    [Theory]
    [InlineData("")]
    [InlineData("lots")]
    [InlineData("MB")]
    [InlineData("-1")]
    [InlineData("-5s")]
    [InlineData("1.5MB")]
    [InlineData("16 MB")]
    [InlineData("16mb")]
    [InlineData("9999999TB")]
    [InlineData("99999999999999999999")]
    public void Anything_else_is_no_limit(string text) => Assert.Null(LagLimit.TryParse(text));

    [Theory]
    [InlineData("10", 100, 90, true)]
    [InlineData("10", 100, 89, false)]
    [InlineData("10", 100, 200, true)]
    [InlineData("10", -1, 90, false)]
    [InlineData("10", 100, -1, false)]
    public void Bytes_are_counted_from_where_the_primary_writes(string limit, int primary, int replayed, bool holds) => Assert.Equal(
        holds,
        LagLimit.TryParse(limit)!.Holds(
            new PostgresStatus { State = NodeState.Running, ReplayLagSeconds = 0, ReplayLsn = replayed < 0 ? null : new Lsn((ulong)replayed) },
            primary < 0 ? null : new Lsn((ulong)primary)));

    [Theory]
    [InlineData(5.0, true)]
    [InlineData(5.001, false)]
    [InlineData(null, false)]
    public void Time_is_the_age_of_the_last_replayed_commit(double? lag, bool holds) =>
        Assert.Equal(holds, LagLimit.TryParse("5s")!.Holds(new PostgresStatus { State = NodeState.Running, ReplayLagSeconds = lag }, null));
}
