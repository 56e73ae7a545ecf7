using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>etcd with users: root, and app, who may do everything under /app/ and nothing elsewhere.</summary>
public sealed class EtcdAuthTests
{
    private const string Root = "root:root-secret";
    private const string Password = "app-secret-7Q";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_user_reads_writes_watches_and_locks_in_its_namespace_and_is_refused_elsewhere()
    {
        await using var server = await StartAsync();
        await using var store = Connect(server, "/app");
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        await store.PutAsync("/k", "v", null, Token);
        Assert.Equal("v", (await WatchReader.Read(watch).NextPutAsync()).Value);
        await using (await store.AcquireLockAsync("/lock/", new("a", "b"), TimeSpan.FromSeconds(10), TimeSpan.Zero, Token))
        {
            Assert.NotNull(await store.GetLockAsync("/lock/", Token));
        }

        await using var elsewhere = Connect(server, "/other");
        foreach (var call in new Func<Task>[]
                 {
                     () => elsewhere.GetAsync("/k", Token),
                     () => elsewhere.PutAsync("/k", "v", null, Token),
                     () => elsewhere.WatchAsync("/k", false, 0, Token),
                     () => elsewhere.WatchAsync("/k", false, 1, Token),
                 })
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(call);
            Assert.Equal(Reason.AccessDenied, error.Reason);
            Assert.Contains("'app'", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_wrong_password_is_AccessDenied_and_shown_nowhere()
    {
        await using var server = await StartAsync();
        var log = new ListLogger();
        await using var store = Connect(server, "/app", "not-the-password", log);
        foreach (var call in new Func<Task>[]
                 {
                     () => store.GetAsync("/k", Token),
                     () => store.WatchAsync("/k", false, 0, Token),
                     () => store.GrantLeaseAsync(TimeSpan.FromSeconds(5), Token),
                 })
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(call);
            Assert.Equal(Reason.AccessDenied, error.Reason);
            Assert.DoesNotContain("not-the-password", error.ToString(), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(log.Entries, entry => entry.Text.Contains("not-the-password", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nobody_is_AccessDenied_when_etcd_asks_for_a_user()
    {
        await using var server = await StartAsync();
        await using var store = server.Connect("/app");
        var error = await Assert.ThrowsAsync<PgClusterException>(() => store.GetAsync("/k", Token));
        Assert.Equal(Reason.AccessDenied, error.Reason);
    }

    [Fact]
    public async Task A_user_that_etcd_does_not_ask_for_does_no_harm()
    {
        await using var server = await EtcdServer.StartAsync();
        var log = new ListLogger();
        await using var store = Connect(server, "/app", logger: log);
        await store.PutAsync("/k", "v", null, Token);
        Assert.Equal(1, log.Count("etcd.authentication_not_enabled"));
    }

    [Fact]
    public async Task Calls_watches_and_leases_get_a_new_token_when_a_restart_forgot_the_old_one()
    {
        await using var server = await StartAsync();
        await using var store = Connect(server, "/app");
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(6), Token);
        await store.PutAsync("/leased", "v", lease, Token);
        await server.RestartAsync();
        await store.PutAsync("/k", "after", null, Token);
        Assert.Equal("after", (await events.NextPutAsync()).Value);
        await Assert.ThrowsAsync<TimeoutException>(() => EtcdLeaseTests.WhenCancelled(lease.Lost).WaitAsync(TimeSpan.FromSeconds(7), Token));
        Assert.NotNull(await store.GetAsync("/leased", Token));
    }

    [Fact]
    public async Task A_token_that_ran_out_is_replaced()
    {
        await using var server = await StartAsync("--auth-token-ttl", "1");
        await using var store = Connect(server, "/app");
        for (var i = 0; i < 3; i++)
        {
            await store.PutAsync("/k", $"{i}", null, Token);
            await Assert.ThrowsAsync<TimeoutException>(() => new TaskCompletionSource().Task.WaitAsync(TimeSpan.FromSeconds(2.5), Token));
            Assert.Equal($"{i}", (await store.GetAsync("/k", Token))!.Value);
        }
    }

    private static async Task<EtcdServer> StartAsync(params string[] arguments)
    {
        var server = await EtcdServer.StartAsync(new EtcdServerOptions { Arguments = ["--bcrypt-cost", "4", .. arguments] });
        try
        {
            foreach (var command in new[]
                     {
                         $"user add {Root}", "user grant-role root root", "role add app", "role grant-permission --prefix=true app readwrite /app/",
                         $"user add app:{Password}", "user grant-role app app", "auth enable",
                     })
            {
                await server.ControlAsync(command.Split(' '));
            }

            await server.ControlAsUserAsync(Root, "put", "/other/k", "theirs");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static EtcdStore Connect(EtcdServer server, string ns, string password = Password, ILogger? logger = null) => new(
        new EtcdOptions { Endpoints = [server.Members[0].ClientUrl], Namespace = ns, User = "app", Password = password, Timeout = TimeSpan.FromSeconds(20) },
        TimeProvider.System,
        logger ?? NullLogger.Instance);
}
