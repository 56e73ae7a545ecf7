using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>One etcd for the tests of a class; each test has a namespace of its own.</summary>
public sealed class EtcdServerFixture : IAsyncLifetime
{
    public EtcdServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await EtcdServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
        {
            await Server.DisposeAsync();
        }
    }
}

public sealed class EtcdStoreTests(EtcdServerFixture fixture) : IClassFixture<EtcdServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private EtcdServer Server => fixture.Server;

    [Fact]
    public async Task PG28_CompareAndUpdate_creates_an_absent_key()
    {
        await using var store = Server.Connect();
        var update = await store.CompareAndUpdateAsync("/master", "10.0.0.1", Token);
        Assert.True(update.Changed);
        Assert.Equal(await store.GetAsync("/master", Token), update.Entry);
        Assert.Equal(new StoreEntry("/master", "10.0.0.1", update.Entry.ModRevision, update.Entry.ModRevision, 1), update.Entry);
    }

    [Fact]
    public async Task PG28_CompareAndUpdate_leaves_the_record_of_an_equal_value_as_it_is()
    {
        await using var store = Server.Connect();
        var created = await store.CompareAndUpdateAsync("/master", "10.0.0.1", Token);
        var same = await store.CompareAndUpdateAsync("/master", "10.0.0.1", Token);
        Assert.False(same.Changed);
        Assert.Equal(created.Entry, same.Entry);
        Assert.Equal(created.Entry, await store.GetAsync("/master", Token));
    }

    [Fact]
    public async Task PG28_CompareAndUpdate_gives_another_value_a_higher_mod_revision()
    {
        await using var store = Server.Connect();
        var created = await store.CompareAndUpdateAsync("/master", "10.0.0.1", Token);
        var changed = await store.CompareAndUpdateAsync("/master", "10.0.0.2", Token);
        Assert.True(changed.Changed);
        Assert.True(changed.Entry.ModRevision > created.Entry.ModRevision);
        Assert.Equal(created.Entry.CreateRevision, changed.Entry.CreateRevision);
        Assert.Equal(2, changed.Entry.Version);
        Assert.Equal(changed.Entry, await store.GetAsync("/master", Token));
    }

    [Fact]
    public async Task Reads_writes_and_deletes_a_key()
    {
        await using var store = Server.Connect();
        Assert.Null(await store.GetAsync("/k", Token));
        Assert.False(await store.DeleteAsync("/k", Token));
        var revision = await store.PutAsync("/k", "größer €", null, Token);
        Assert.Equal(new StoreEntry("/k", "größer €", revision, revision, 1), await store.GetAsync("/k", Token));
        Assert.True(await store.PutAsync("/k", "", null, Token) > revision);
        Assert.Equal("", (await store.GetAsync("/k", Token))!.Value);
        Assert.True(await store.DeleteAsync("/k", Token));
        Assert.Null(await store.GetAsync("/k", Token));
    }

    [Fact]
    public async Task Carries_values_of_a_megabyte()
    {
        await using var store = Server.Connect();
        var value = new string('x', 1_000_000);
        await store.PutAsync("/big", value, null, Token);
        Assert.Equal(value, (await store.GetAsync("/big", Token))!.Value);
    }

    [Fact]
    public async Task Lists_a_prefix_in_order_with_the_revision_of_the_reading()
    {
        await using var store = Server.Connect();
        await store.PutAsync("/nodes/b", "2", null, Token);
        await store.PutAsync("/nodes/a", "1", null, Token);
        await store.PutAsync("/nodesX", "no", null, Token);
        var range = await store.ListAsync("/nodes/", Token);
        Assert.Equal(["/nodes/a", "/nodes/b"], range.Entries.Select(entry => entry.Key));
        var next = await store.PutAsync("/nodes/c", "3", null, Token);
        Assert.True(range.Revision < next && range.Revision >= range.Entries.Max(entry => entry.ModRevision));
        Assert.Equal(4, (await store.ListAsync("", Token)).Entries.Count);
    }

    [Fact]
    public async Task Namespaces_do_not_see_each_other()
    {
        var id = Guid.NewGuid().ToString("N");
        await using var one = Server.Connect($"/{id}/a");
        await using var longer = Server.Connect($"/{id}/ab");
        await using var root = Server.Connect("");
        await longer.PutAsync("/k", "theirs", null, Token);
        await one.PutAsync("/k", "mine", null, Token);

        Assert.Equal("mine", (await one.GetAsync("/k", Token))!.Value);
        Assert.Equal("theirs", (await longer.GetAsync("/k", Token))!.Value);
        Assert.Equal("mine", (await root.GetAsync($"/{id}/a/k", Token))!.Value);
        Assert.Contains($"/{id}/a/k", await Server.ControlAsync("get", "--prefix", "--keys-only", $"/{id}/a/"), StringComparison.Ordinal);

        await using var watch = await one.WatchAsync("/", isPrefix: true, 0, Token);
        await longer.PutAsync("/k", "theirs again", null, Token);
        await one.PutAsync("/k2", "mine", null, Token);
        var first = Assert.IsType<StoreEvent.Put>(await WatchReader.Read(watch).NextAsync());
        Assert.Equal("/k2", first.Entry.Key);

        await using var held = await one.AcquireLockAsync("/lock/", new LockHolder("a", "b"), TimeSpan.FromSeconds(10), TimeSpan.Zero, Token);
        Assert.Null(await longer.GetLockAsync("/lock/", Token));
        Assert.StartsWith("/lock/", held.Key, StringComparison.Ordinal);
        Assert.Contains($"/{id}/a{held.Key}", await Server.ControlAsync("get", "--prefix", "--keys-only", $"/{id}/a/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_does_all_at_one_revision_when_every_condition_holds()
    {
        await using var store = Server.Connect();
        var a = await store.PutAsync("/a", "1", null, Token);
        await store.PutAsync("/gone", "x", null, Token);
        var commit = await store.CommitAsync(
            [new StoreCondition.ModRevisionIs("/a", a), new StoreCondition.CreateRevisionIs("/a", a), new StoreCondition.ValueIs("/a", "1"),
             new StoreCondition.Absent("/b")],
            [new StoreOperation.Put("/a", "2"), new StoreOperation.Put("/b", "3"), new StoreOperation.Delete("/gone")],
            Token);
        Assert.True(commit.Succeeded);
        Assert.Equal(commit.Revision, (await store.GetAsync("/a", Token))!.ModRevision);
        Assert.Equal(commit.Revision, (await store.GetAsync("/b", Token))!.CreateRevision);
        Assert.Null(await store.GetAsync("/gone", Token));
    }

    [Theory]
    [InlineData("absent")]
    [InlineData("mod")]
    [InlineData("create")]
    [InlineData("value")]
    [InlineData("value of an absent key")]
    public async Task Commit_does_nothing_when_one_condition_fails(string which)
    {
        await using var store = Server.Connect();
        var a = await store.PutAsync("/a", "1", null, Token);
        StoreCondition failing = which switch
        {
            "absent" => new StoreCondition.Absent("/a"),
            "mod" => new StoreCondition.ModRevisionIs("/a", a - 1),
            "create" => new StoreCondition.CreateRevisionIs("/a", a - 1),
            "value" => new StoreCondition.ValueIs("/a", "2"),
            _ => new StoreCondition.ValueIs("/nothing", ""),
        };
        var commit = await store.CommitAsync(
            [new StoreCondition.ValueIs("/a", "1"), failing], [new StoreOperation.Put("/a", "2"), new StoreOperation.Put("/b", "3")], Token);
        Assert.False(commit.Succeeded);
        Assert.Equal(a, (await store.GetAsync("/a", Token))!.ModRevision);
        Assert.Null(await store.GetAsync("/b", Token));
    }

    [Fact]
    public async Task Commit_refuses_two_operations_on_one_key()
    {
        await using var store = Server.Connect();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => store.CommitAsync(
            [], [new StoreOperation.Put("/a", "2"), new StoreOperation.Delete("/a")], Token));
        Assert.Equal(Reason.InvalidArgument, error.Reason);
    }

    [Fact]
    public async Task Concurrent_conditional_writes_lose_no_update()
    {
        await using var store = Server.Connect();
        await store.PutAsync("/counter", "0", null, Token);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            for (var i = 0; i < 20; i++)
            {
                while (true)
                {
                    var now = (await store.GetAsync("/counter", Token))!;
                    var next = (int.Parse(now.Value, System.Globalization.CultureInfo.InvariantCulture) + 1)
                        .ToString(System.Globalization.CultureInfo.InvariantCulture);
                    if ((await store.CommitAsync(
                            [new StoreCondition.ModRevisionIs("/counter", now.ModRevision)], [new StoreOperation.Put("/counter", next)], Token)).Succeeded)
                    {
                        break;
                    }
                }
            }
        }));
        Assert.Equal("120", (await store.GetAsync("/counter", Token))!.Value);
    }

    [Fact]
    public async Task Concurrent_puts_of_one_key_all_succeed()
    {
        await using var store = Server.Connect();
        var revisions = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => store.PutAsync("/k", $"{i}", null, Token)));
        Assert.Equal(20, revisions.Distinct().Count());
        Assert.Equal(20, (await store.GetAsync("/k", Token))!.Version);
    }

    [Fact]
    public async Task Health_names_the_leader_and_the_revision()
    {
        await using var store = Server.Connect();
        var revision = await store.PutAsync("/k", "v", null, Token);
        var health = await store.GetHealthAsync(Token);
        Assert.True(health.HasQuorum);
        Assert.True(health.Revision >= revision);
        var endpoint = Assert.Single(health.Endpoints);
        Assert.True(endpoint.Healthy && endpoint.IsLeader);
        Assert.StartsWith("3.", endpoint.Version, StringComparison.Ordinal);
        Assert.Equal(EtcdOptions.NameOf(Server.Members[0].ClientUrl), endpoint.Endpoint);
    }

    [Fact]
    public async Task Nobody_at_the_endpoint_is_StoreUnavailable_and_names_it()
    {
        await using var store = new EtcdStore(
            new EtcdOptions { Endpoints = [new Uri("http://127.0.0.1:1")], Timeout = TimeSpan.FromSeconds(0.5) },
            TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => store.GetAsync("/k", Token));
        Assert.Equal(Reason.StoreUnavailable, error.Reason);
        Assert.Contains("http://127.0.0.1:1", error.Message, StringComparison.Ordinal);
        var health = await store.GetHealthAsync(Token);
        Assert.False(health.HasQuorum);
        Assert.NotEqual("", Assert.Single(health.Endpoints).Detail);
    }

    [Fact]
    public async Task A_cancelled_caller_gets_its_cancellation()
    {
        await using var store = Server.Connect();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.GetAsync("/k", cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.WatchAsync("/k", false, 0, cancelled.Token));
    }
}
