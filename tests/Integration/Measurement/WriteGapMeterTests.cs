using System.Diagnostics;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Tests.Integration.Measurement;

public sealed class WriteGapMeterTests(GapServer server) : IClassFixture<GapServer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Quiet_route_loses_nothing_and_leaves_nothing_behind()
    {
        await using var meter = await StartAsync(server.PoolerUri);
        await AtLeastAsync(500);

        var report = await meter.StopAsync(Token);

        Assert.Equal((0, 0, 0, 0, 0), (report.ClientErrors, report.Reconnects, report.LostCommits, report.DoubledCommits, report.AmbiguousCommits));
        Assert.Null(report.FirstError);
        Assert.Equal(16, report.Writers);
        Assert.True(report.Commits >= 500, $"{report.Commits} commits");
        Assert.True(report.LongestCommitMs >= report.WriteGapMs / 2, $"{report}");
        Assert.True(report.DurationSeconds > 0);
        await meter.DisposeAsync();
        Assert.Null(meter.LeftBehind);
        Assert.Equal("", await server.GapTableAsync() ?? "");
    }

    [Fact]
    public async Task Pause_of_the_pooler_is_the_gap_and_no_error()
    {
        await using var meter = await StartAsync(server.PoolerUri);
        await AtLeastAsync(100);
        await server.AdminAsync("PAUSE");
        var paused = Stopwatch.GetTimestamp();
        await Task.Delay(250, Token);
        var held = Stopwatch.GetElapsedTime(paused);
        await server.AdminAsync("RESUME");
        await AtLeastAsync(100);

        var report = await meter.StopAsync(Token);

        Assert.True(report.WriteGapMs >= held.TotalMilliseconds, $"{report.WriteGapMs} ms, but paused for {held.TotalMilliseconds} ms");
        Assert.True(report.LongestCommitMs >= held.TotalMilliseconds);
        Assert.Equal((0, 0, 0, 0), (report.ClientErrors, report.Reconnects, report.LostCommits, report.DoubledCommits));
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("immediate")]
    public async Task Restart_of_the_server_is_errors_and_reconnects_but_nothing_lost(string mode)
    {
        await using var meter = await StartAsync(server.DirectUri);
        await AtLeastAsync(100);
        await server.StopAsync(mode);
        var stopped = Stopwatch.GetTimestamp();
        await Task.Delay(100, Token);
        var down = Stopwatch.GetElapsedTime(stopped);
        await server.StartAsync();
        await AtLeastAsync(100);

        var report = await meter.StopAsync(Token);

        Assert.True(report.WriteGapMs >= down.TotalMilliseconds, $"{report.WriteGapMs} ms, but down for {down.TotalMilliseconds} ms");
        Assert.True(report.ClientErrors >= 16, $"{report.ClientErrors} errors");
        Assert.True(report.Reconnects is >= 1, $"{report.Reconnects} reconnects");
        Assert.StartsWith("writer ", report.FirstError, StringComparison.Ordinal);
        Assert.Equal((0, 0), (report.LostCommits, report.DoubledCommits));
    }

    [Fact]
    public async Task Deleted_row_is_lost_and_doubled_row_is_doubled()
    {
        await using var meter = await StartAsync(server.PoolerUri);
        await AtLeastAsync(100);
        var table = await server.GapTableAsync();
        await server.QueryAsync($"delete from {table} where (writer, number) in ((0, 1), (3, 1))");
        await server.QueryAsync($"insert into {table} values (5, 1)");

        var report = await meter.StopAsync(Token);

        Assert.Equal((2, 1, 0), (report.LostCommits, report.DoubledCommits, report.ClientErrors));
    }

    [Fact]
    public async Task Writers_that_hang_are_given_up_on_after_the_drain_timeout()
    {
        await using var meter = await StartAsync(server.PoolerUri, new WriteGapOptions { Uri = "", Writers = 4, DrainTimeout = TimeSpan.FromMilliseconds(200) });
        await AtLeastAsync(20);
        await server.AdminAsync("PAUSE");
        await server.UntilAsync("every writer waits", async () => await server.WaitingAsync() == 4);
        var stopping = meter.StopAsync(Token);
        await server.UntilAsync("the writers are gone", async () => await server.WaitingAsync() <= 1);
        await server.AdminAsync("RESUME");

        var report = await stopping;

        Assert.Equal((4, 0, 0), (report.ClientErrors, report.LostCommits, report.DoubledCommits));
        Assert.True(report.WriteGapMs >= 200, $"{report.WriteGapMs} ms");
    }

    [Fact]
    public async Task Route_that_is_not_there_is_an_error_that_says_where_and_no_password()
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => WriteGapMeter.StartAsync(
            new WriteGapOptions { Uri = "postgresql://app:hidden@127.0.0.1:1/shop?sslmode=disable", Writers = 1 }, Token));

        Assert.Equal(Reason.PostgresUnavailable, error.Reason);
        Assert.Contains("127.0.0.1:1/shop", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schema_that_is_not_there_is_an_invalid_argument()
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => WriteGapMeter.StartAsync(
            new WriteGapOptions { Uri = server.DirectUri, Writers = 1, Schema = "nowhere" }, Token));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
    }

    private static Task<WriteGapMeter> StartAsync(string uri, WriteGapOptions? options = null) =>
        WriteGapMeter.StartAsync((options ?? new WriteGapOptions { Uri = "" }) with { Uri = uri }, Token);

    /// <summary>Waits until that many more rows were committed.</summary>
    private async Task AtLeastAsync(long more)
    {
        var table = await server.GapTableAsync();
        var before = await CountAsync(table);
        await server.UntilAsync($"{more} more rows", async () => await CountAsync(table) >= before + more);
    }

    private async Task<long> CountAsync(string table) => long.Parse((await server.QueryAsync($"select count(*) from {table}"))!, CultureInfo.InvariantCulture);
}
