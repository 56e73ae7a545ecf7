using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Fixtures;
using OsProcess = System.Diagnostics.Process;

namespace PgCluster.Tests.Integration.Measurement;

/// <summary>One PostgreSQL and a PgBouncer in transaction mode before it, for writers to write to.</summary>
public sealed class GapServer : IAsyncLifetime
{
    private readonly OsAccount? _account = OsAccount.IsRoot ? OsAccount.Find("postgres") : null;
    private readonly string _bin = PostgresBinaries.Find(null);
    private readonly string _root = Directory.CreateTempSubdirectory("pgc-gap-").FullName;
    private readonly LoopbackPorts _ports = new();
    private OsProcess? _pooler;

    public GapServer()
    {
        ServerPort = _ports.Take();
        PoolerPort = _ports.Take();
        _account?.Own(_root);
    }

    public string ServerUri => string.Create(CultureInfo.InvariantCulture, $"postgresql://postgres@127.0.0.1:{ServerPort}/postgres?sslmode=disable");

    public string PoolerUri => string.Create(CultureInfo.InvariantCulture, $"postgresql://postgres@127.0.0.1:{PoolerPort}/postgres?sslmode=disable");

    private int ServerPort { get; }

    private int PoolerPort { get; }

    private string Data => Path.Combine(_root, "data");

    public async ValueTask InitializeAsync()
    {
        await RunAsync("initdb", "-D", Data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions");
        await StartAsync();
        var ini = Path.Combine(_root, "pgbouncer.ini");
        await File.WriteAllTextAsync(ini, string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            postgres = host=127.0.0.1 port={ServerPort} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {PoolerPort}
            unix_socket_dir =
            logfile = {_root}/pgbouncer.log
            auth_type = any
            admin_users = postgres
            pool_mode = transaction
            """));
        _pooler = OsProcess.Start(new ProgramCommand("pgbouncer", ["-q", ini]) { Account = _account, WorkingDirectory = _root }.ToStartInfo())!;
        await Poll.UntilAsync("PgBouncer serves", async () =>
        {
            try
            {
                return await QueryAsync(PoolerPort, "select 1") == "1";
            }
            catch (NpgsqlException)
            {
                return false;
            }
        });
    }

    public Task StartAsync() => RunAsync("pg_ctl", "start", "-w", "-D", Data, "-l", Path.Combine(_root, "postgres.log"), "-o", string.Create(
        CultureInfo.InvariantCulture,
        $"-p {ServerPort} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB -c dynamic_shared_memory_type=mmap"));

    public Task StopAsync(string mode) => RunAsync("pg_ctl", "stop", "-w", "-D", Data, "-m", mode);

    /// <summary>A command of PgBouncer's console.</summary>
    public Task<string> AdminAsync(string command) => RunAsync(
        "psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", PoolerPort.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-d", "pgbouncer", "-c", command);

    /// <summary>How many clients wait for a server connection.</summary>
    public async Task<int> WaitingAsync() => (await AdminAsync("SHOW POOLS")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split('|')).Where(pool => pool[0] == "postgres").Sum(pool => int.Parse(pool[3], CultureInfo.InvariantCulture));

    /// <summary>Asks the server past the pooler.</summary>
    public Task<string?> QueryAsync(string sql) => QueryAsync(ServerPort, sql);

    public async ValueTask DisposeAsync()
    {
        if (_pooler is { } pooler)
        {
            pooler.Kill();
            await pooler.WaitForExitAsync();
            pooler.Dispose();
        }

        if (File.Exists(Path.Combine(Data, "postmaster.pid")))
        {
            await StopAsync("immediate");
        }

        _ports.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private static async Task<string?> QueryAsync(int port, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1", Port = port, Username = "postgres", Database = "postgres", Pooling = false, SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToString(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
    }

    private Task<string> RunAsync(string program, params string[] arguments) => ProgramRunner.RunCheckedAsync(
        new ProgramCommand(Path.Combine(_bin, program), arguments) { Account = _account, WorkingDirectory = _root },
        Reason.PlaygroundFailed, TimeSpan.FromSeconds(60), TimeProvider.System, CancellationToken.None);
}
