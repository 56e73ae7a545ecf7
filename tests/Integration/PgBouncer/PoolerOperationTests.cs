using System.Globalization;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.PgBouncer;

/// <summary>What operators are told of the poolers of a real cluster.</summary>
public sealed class PoolerOperationTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static readonly string[] Settings = ["QueryWaitTimeout", "QueryTimeout", "PoolMode", "ServerLoginRetry", "TcpUserTimeout"];

    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_checkup_looks_at_the_settings_that_pgbouncer_works_by()
    {
        await lab.WaitUntilSoundAsync();
        var sound = await lab.Cluster.CheckAsync(Token);
        Assert.Equal(Settings, sound.Where(c => Settings.Contains(c.Name) && c.Status == CheckStatus.Passed).Select(c => c.Name));

        await SetAsync("app", "query_wait_timeout", 3);
        await SetAsync("app", "server_login_retry", 15);
        await SetAsync("pg02", "tcp_user_timeout", 0);
        await SetAsync("pg02", "query_timeout", 20);
        var checks = await lab.Cluster.CheckAsync(Token);

        Assert.Equal(
            ["Failed QueryWaitTimeout pooler app", "Warning QueryTimeout pooler pg02", "Warning ServerLoginRetry pooler app", "Warning TcpUserTimeout pooler pg02"],
            checks.Where(c => Settings.Contains(c.Name) && c.Status != CheckStatus.Passed).Select(c => $"{c.Status} {c.Name} {c.Evidence.Split(':')[0]}"));
        Assert.Contains("have waited 3 s (query_wait_timeout)", checks.Single(c => c.Name == "QueryWaitTimeout").Evidence, StringComparison.Ordinal);

        await SetAsync("app", "query_wait_timeout", 120);
        await SetAsync("app", "server_login_retry", 0.1);
        await SetAsync("pg02", "tcp_user_timeout", 0.9 * lab.Config.Leader.Ttl.TotalMilliseconds);
        await SetAsync("pg02", "query_timeout", 0);
    }

    [Fact]
    public async Task A_watch_tells_of_every_pause_of_a_failover_and_of_its_end()
    {
        await lab.WaitUntilSoundAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var events = new List<ClusterEvent>();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var watching = Task.Run(
            async () =>
            {
                await foreach (var one in lab.Cluster.WatchAsync(stop.Token))
                {
                    lock (events)
                    {
                        events.Add(one);
                    }

                    begun.TrySetResult();
                }
            },
            Token);
        await begun.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        var request = new FailoverRequest { Actor = "me@here", Why = "a test" };

        var report = await lab.Cluster.RunFailoverAsync(await lab.Cluster.PlanFailoverAsync(request, Token), request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        string[] poolers = [.. lab.Config.Poolers.Select(p => p.Name).Order(StringComparer.Ordinal)];
        await Poll.UntilAsync("every pooler was told of twice", () => Of(ClusterEventKind.PoolerPaused).Length >= poolers.Length && Of(ClusterEventKind.PoolerResumed).Length >= poolers.Length);
        Assert.Equal(poolers, Of(ClusterEventKind.PoolerPaused).Select(e => e.Pooler).Order(StringComparer.Ordinal));
        Assert.Equal(poolers, Of(ClusterEventKind.PoolerResumed).Select(e => e.Pooler).Order(StringComparer.Ordinal));
        Assert.All(Of(ClusterEventKind.PoolerPaused), e => Assert.Contains("me@here", e.Actor, StringComparison.Ordinal));
        Assert.All(Of(ClusterEventKind.PoolerResumed), e => Assert.InRange(e.DurationSeconds!.Value, 0.001, lab.Config.Failover.PauseExpiry.TotalSeconds));
        Assert.All(await lab.Cluster.GetPoolersAsync(Token), p => Assert.NotNull(p.LastPause?.Until));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);

        ClusterEvent[] Of(ClusterEventKind kind)
        {
            lock (events)
            {
                return [.. events.Where(e => e.Kind == kind)];
            }
        }
    }

    private async Task SetAsync(string pooler, string setting, double value)
    {
        var config = lab.Config.Poolers.Single(p => p.Name == pooler);
        await using var connection = await WireConnection.OpenAsync(new PgBouncerAddress(config.SocketDirectory, config.Port), config.User, "", "pgbouncer", Token);
        var answers = await connection.QueryAllAsync([string.Create(CultureInfo.InvariantCulture, $"SET {setting} = '{value}'")], Token);
        answers[0].ThrowIfError();
    }
}
