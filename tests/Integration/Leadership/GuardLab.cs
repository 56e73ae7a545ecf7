using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Guard;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Fixtures;
using PgCluster.Tests.Integration.Postgres;

namespace PgCluster.Tests.Integration.Leadership;

/// <summary>A server with its guard as an agent has it.</summary>
internal sealed class GuardLab : IAsyncDisposable
{
    private readonly PostgresLab _lab;
    private readonly List<ProcessGuard> _guards = [];
    private readonly LocalPostgresOptions _options;

    private GuardLab(LocalPostgresOptions options, PostgresLab lab) => (_options, _lab) = (options, lab);

    public static IReadOnlyList<string> Command { get; } = [Path.Combine(AppContext.BaseDirectory, "pgcluster"), "guard"];

    public string Data => _options.DataDirectory;

    public string Log => Path.Combine(_lab.Root, "guard.log");

    public IReadOnlyList<ProcessIdentity> Processes => DataDirectoryProcesses.FindAll(Data);

    public ProcessIdentity Postmaster => DataDirectoryProcesses.FindPostmaster(Data)!.Value;

    /// <summary>The guard that is in charge.</summary>
    public ProcessIdentity Guard
    {
        get
        {
            using var file = GuardFile.Open(GuardFile.PathOf(Data));
            return file.Guard;
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<GuardLab> CreateAsync()
    {
        var lab = new PostgresLab();
        return new GuardLab(await lab.CreatePrimaryAsync("pg01"), lab);
    }

    /// <summary>A server that runs and has no guard, whatever became of it before.</summary>
    public async Task ResetAsync()
    {
        if (Guard is { IsRunning: true } guard)
        {
            guard.Signal(UnixSignal.Kill);
            await guard.WaitForExitAsync(TimeProvider.System, Token);
        }

        if (Processes.Count == 0)
        {
            await StartServerAsync();
        }
    }

    public Task StartServerAsync() => _lab.Open(_options).StartAsync(Token);

    /// <summary>The agent's side of the guard; it runs when this returns.</summary>
    public async Task<ProcessGuard> OpenAsync()
    {
        var guard = new ProcessGuard(Command, Data, Log, TimeProvider.System, NullLogger<ProcessGuard>.Instance);
        _guards.Add(guard);

        // A machine that has more to do may need longer than the product gives a guard to start.
        await Poll.UntilAsync("the guard runs", async () =>
        {
            try
            {
                await guard.EnsureAsync(Token);
                return true;
            }
            catch (PgClusterException e) when (e.Reason == Reason.MissingProgram)
            {
                return false;
            }
        });
        return guard;
    }

    public Task<NpgsqlConnection> ConnectAsync() => PostgresLab.ConnectAsync(_options, "test");

    public Task<string?> QueryAsync(string sql) => PostgresLab.QueryAsync(_options, sql);

    public Task UntilDeadAsync() => Poll.UntilAsync("every process of the data directory is gone", () => Processes.Count == 0);

    public async ValueTask DisposeAsync()
    {
        if (Guard is { IsRunning: true } guard)
        {
            guard.Signal(UnixSignal.Kill);
        }

        foreach (var side in _guards)
        {
            side.Dispose();
        }

        await _lab.DisposeAsync();
    }
}
