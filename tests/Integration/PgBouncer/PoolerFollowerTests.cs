using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.PgBouncer;

[Collection(PgBouncerGroup.Name)]
public sealed class PoolerFollowerTests(PostgresInstance postgres)
{
    private const string Databases = "app = host={{.Host}} port={{.Port}} dbname={{.Database}}";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PG_21_render_puts_the_host_in_and_a_missing_template_is_named()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        var template = await TemplateAsync(bouncer, bouncer.Config(Databases));

        await template.WriteAsync(new PoolerTarget(new PrimaryAddress("db.prod", 5432)), Token);
        Assert.Contains("host=db.prod", await File.ReadAllTextAsync(bouncer.ConfigFile, Token), StringComparison.Ordinal);

        File.Delete(bouncer.TemplateFile);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => template.WriteAsync(new PoolerTarget(new PrimaryAddress("db.prod", 5432)), Token));
        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Contains("failed to read", error.Message, StringComparison.Ordinal);
        Assert.Contains("template", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PG_22_reload_after_rendering_is_seen_in_the_log_and_in_the_databases()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        var template = await TemplateAsync(bouncer, bouncer.Config(Databases));
        await template.WriteAsync(new PoolerTarget(new PrimaryAddress("new-host", 5432)), Token);

        await console.ReloadAsync(Token);

        await bouncer.WaitForLogAsync("RELOAD command issued");
        Assert.Equal("new-host", (await console.ShowDatabasesAsync(Token)).Single(database => database.Name == "app").Host);
    }

    [Fact]
    public async Task Owner_of_the_configuration_is_kept()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        var before = FileOwner.Read(bouncer.ConfigFile);
        var template = await TemplateAsync(bouncer, bouncer.Config(Databases));

        await template.WriteAsync(new PoolerTarget(new PrimaryAddress("new-host", 5432)), Token);

        Assert.Equal(before, FileOwner.Read(bouncer.ConfigFile));
        Assert.Contains("new-host", await File.ReadAllTextAsync(bouncer.ConfigFile, Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pooler_follows_the_published_primary_and_its_clients_with_it()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var run = Follow(console, await TemplateAsync(bouncer, bouncer.Config(Databases)));
        await using var client = await bouncer.OpenClientAsync();

        for (var revision = 1; revision <= 20; revision++)
        {
            var host = revision % 2 == 0 ? PostgresInstance.FirstHost : PostgresInstance.SecondHost;
            run.Publish(new PrimaryAddress(host, postgres.Port).ToString(), revision);
            await run.Follower.WaitForRevisionAsync(revision, Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
            Assert.Equal(host, await AddressAsync(client));
        }
    }

    [Fact]
    public async Task Broken_configuration_is_noticed_although_PgBouncer_answers_RELOAD()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();

        // Before the database: PgBouncer takes over what it has read when it comes to the mistake.
        var template = await TemplateAsync(bouncer, bouncer.Config("this is no setting\n" + Databases));
        await using var run = Follow(console, template);
        run.Publish(new PrimaryAddress(PostgresInstance.SecondHost, postgres.Port).ToString(), 1);

        await ServerProcess.WaitAsync("the mistake to be noticed", () => Task.FromResult(run.Follower.State.LastError is not null));
        Assert.Contains($"app at 127.0.0.1:{postgres.Port}", run.Follower.State.LastError!, StringComparison.Ordinal);
        Assert.Equal(0, run.Follower.State.Revision);
        await using var client = await bouncer.OpenClientAsync();
        Assert.Equal("127.0.0.1", await AddressAsync(client));

        await File.WriteAllTextAsync(bouncer.TemplateFile, bouncer.Config(Databases), Token);
        await run.Follower.WaitForRevisionAsync(1, Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
        Assert.Equal("127.0.0.2", await AddressAsync(client));
    }

    [Fact]
    public async Task Paused_pooler_is_pointed_elsewhere_and_its_clients_land_there()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var pauses = bouncer.Console();
        await using var keeper = new PauseKeeper("pool1", pauses, TimeProvider.System, NullLogger<PauseKeeper>.Instance);
        await using var run = Follow(console, await TemplateAsync(bouncer, bouncer.Config(Databases)));
        await using var client = await bouncer.OpenClientAsync();
        Assert.Equal("127.0.0.1", await AddressAsync(client));
        await keeper.PauseAsync("a", "test", TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(60), Token);
        var waiting = AddressAsync(client);

        run.Publish(new PrimaryAddress(PostgresInstance.SecondHost, postgres.Port).ToString(), 1);
        await run.Follower.WaitForRevisionAsync(1, Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
        Assert.False(waiting.IsCompleted);
        await keeper.ResumeAsync("a", Token);

        Assert.Equal("127.0.0.2", await waiting);
    }

    [Fact]
    public async Task Keeper_lifts_a_pause_that_expires_and_one_that_a_predecessor_left()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await console.PauseAsync(Token);
        await using var keeper = new PauseKeeper("pool1", console, TimeProvider.System, NullLogger<PauseKeeper>.Instance);
        var probe = new PoolerProbe(
            new PoolerIdentity("demo", "pool1", "127.0.0.1", bouncer.Port, null, "127.0.0.1:1"), console, keeper, TimeSpan.FromSeconds(20), TimeProvider.System);
        Assert.Equal(PoolerState.Paused, (await probe.ProbeAsync(Token)).State);

        await keeper.RecoverAsync(Token);
        Assert.Equal(PoolerState.Active, (await probe.ProbeAsync(Token)).State);

        await keeper.PauseAsync("a", "test", TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(300), Token);
        await using var client = new NpgsqlConnection(PostgresInstance.ConnectionString(bouncer.Port, "app"));
        await client.OpenAsync(Token);
        Assert.Equal("127.0.0.1", await AddressAsync(client));
        await ServerProcess.WaitAsync("the keeper to know", async () => (await probe.ProbeAsync(Token)) is { State: PoolerState.Active, Lease: null });
    }

    private static async Task<PoolerTemplate> TemplateAsync(PgBouncerServer bouncer, string text)
    {
        await File.WriteAllTextAsync(bouncer.TemplateFile, text, Token);
        return new PoolerTemplate(bouncer.TemplateFile, bouncer.ConfigFile, "postgres");
    }

    private static async Task<string> AddressAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("SELECT host(inet_server_addr())", connection);
        return (string)(await command.ExecuteScalarAsync(Token))!;
    }

    private static Run Follow(PgBouncerConsole console, PoolerTemplate template) => new(new PoolerFollower(
        "pool1",
        console,
        template,
        new PoolerFollowerOptions { PoolerTimeout = TimeSpan.FromMilliseconds(500), RetryInterval = TimeSpan.FromMilliseconds(50) },
        TimeProvider.System,
        NullLogger<PoolerFollower>.Instance));

    private sealed class Run : IAsyncDisposable
    {
        private readonly Channel<WantedTarget> _values = Channel.CreateUnbounded<WantedTarget>();
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;

        public Run(PoolerFollower follower)
        {
            Follower = follower;
            _running = follower.RunAsync(_values.Reader.ReadAllAsync(CancellationToken.None), _stop.Token);
        }

        public PoolerFollower Follower { get; }

        public void Publish(string address, long revision) => _values.Writer.TryWrite(WantedTarget.Decide(
            new KeyedValue("/master", address, revision), new KeyedValue(StoreKeys.Redirect, null, revision)));

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
        }
    }
}
