using System.Diagnostics;
using System.Globalization;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Measurement;

public sealed class WriteGapMeterTests(GapServer server) : IClassFixture<GapServer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Quiet_route_loses_nothing_and_leaves_nothing_behind()
    {
        await using var meter = await StartAsync(server.PoolerUri);
        await CommitAsync(500);

        var report = await meter.StopAsync(Token);

        Assert.Equal((0, 0, 0, 0, 0), (report.ClientErrors, report.Reconnects, report.LostCommits, report.DoubledCommits, report.AmbiguousCommits));
        Assert.Empty(report.Errors);
        Assert.Equal(16, report.Writers);
        Assert.True(report.Commits >= 500, $"{report.Commits} commits");
        Assert.True(report is { WriteGapMs: > 0, LongestCommitMs: > 0, DurationSeconds: > 0 }, $"{report}");
        await meter.DisposeAsync();
        Assert.Null(meter.LeftBehind);
        Assert.Equal("", await TableAsync());
    }

    [Fact]
    public async Task Pause_of_the_pooler_is_the_gap_and_no_error()
    {
        await using var meter = await StartAsync(server.PoolerUri);
        await CommitAsync(100);
        await server.AdminAsync("PAUSE");
        var paused = Stopwatch.GetTimestamp();
        await Task.Delay(250, Token);
        var held = Stopwatch.GetElapsedTime(paused);
        await server.AdminAsync("RESUME");
        await CommitAsync(100);

        var report = await meter.StopAsync(Token);

        Assert.True(report.WriteGapMs >= held.TotalMilliseconds, $"{report.WriteGapMs} ms, but paused for {held.TotalMilliseconds} ms");
        Assert.True(report.LongestCommitMs >= held.TotalMilliseconds, $"{report.LongestCommitMs} ms, but paused for {held.TotalMilliseconds} ms");
        Assert.Equal((0, 0, 0, 0), (report.ClientErrors, report.Reconnects, report.LostCommits, report.DoubledCommits));
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("immediate")]
    public async Task Restart_of_the_server_is_errors_and_reconnects_but_nothing_lost(string mode)
    {
        await using var meter = await StartAsync(server.ServerUri);
        await CommitAsync(100);
        await server.StopAsync(mode);
        var stopped = Stopwatch.GetTimestamp();
        await Task.Delay(100, Token);
        var down = Stopwatch.GetElapsedTime(stopped);
        await server.StartAsync();
        await CommitAsync(100);

        var report = await meter.StopAsync(Token);

        Assert.True(report.WriteGapMs >= down.TotalMilliseconds, $"{report.WriteGapMs} ms, but down for {down.TotalMilliseconds} ms");
        Assert.True(report.ClientErrors >= 16, $"{report.ClientErrors} errors");
        Assert.True(report.Reconnects >= 1, $"{report.Reconnects} reconnects");
        Assert.Equal(report.ClientErrors, report.Errors.Sum(e => e.Count));
        Assert.Equal((0, 0), (report.LostCommits, report.DoubledCommits));
    }

    [Fact]
    public async Task Deleted_row_is_lost_and_doubled_row_is_doubled()
    {
        await using var meter = await StartAsync(server.PoolerUri);
        var table = await TableAsync();
        await server.QueryAsync($"delete from {table} where (writer, number) in ((0, 1), (3, 1))");
        await server.QueryAsync($"insert into {table} values (5, 1)");

        var report = await meter.StopAsync(Token);

        Assert.Equal((2, 1, 0), (report.LostCommits, report.DoubledCommits, report.ClientErrors));
    }

    [Fact]
    public async Task Writers_that_hang_are_given_up_on_after_the_drain_timeout()
    {
        await using var meter = await WriteGapMeter.StartAsync(
            new WriteGapOptions { Uri = server.PoolerUri, Writers = 4, DrainTimeout = TimeSpan.FromMilliseconds(200) }, Token);
        await server.AdminAsync("PAUSE");
        Task<WriteGapReport> stopping;
        try
        {
            await Poll.UntilAsync("every writer waits", async () => await server.WaitingAsync() == 4);
            stopping = meter.StopAsync(Token);

            // PgBouncer does not see that the four are gone; the fifth is the one that reads the table back.
            await Poll.UntilAsync("the table is asked for", async () => await server.WaitingAsync() == 5);
        }
        finally
        {
            await server.AdminAsync("RESUME");
        }

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
            new WriteGapOptions { Uri = server.ServerUri, Writers = 1, Schema = "nowhere" }, Token));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
    }

    private static Task<WriteGapMeter> StartAsync(string uri) => WriteGapMeter.StartAsync(new WriteGapOptions { Uri = uri }, Token);

    /// <summary>The table of the one measurement that runs; empty when there is none.</summary>
    private async Task<string> TableAsync() =>
        (await server.QueryAsync("select string_agg(relname, ',') from pg_class where relkind = 'r' and relname like 'pgcluster\\_write\\_gap\\_%'"))!;

    /// <summary>Waits until that many more rows are committed.</summary>
    private async Task CommitAsync(long more)
    {
        var table = await TableAsync();
        var before = await CountAsync(table);
        await Poll.UntilAsync($"{more} more rows are committed", async () => await CountAsync(table) >= before + more);
    }

    private async Task<long> CountAsync(string table) => long.Parse((await server.QueryAsync($"select count(*) from {table}"))!, CultureInfo.InvariantCulture);
}
