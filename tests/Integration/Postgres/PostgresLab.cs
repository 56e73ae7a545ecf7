using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Integration.Postgres;

/// <summary>Real servers in a directory of their own; gone without a trace when disposed.</summary>
public sealed class PostgresLab : IAsyncDisposable
{
    private static readonly TimeSpan ProgramTimeout = TimeSpan.FromSeconds(60);

    private readonly LoopbackPorts _ports = new();
    private readonly List<LocalPostgresServer> _servers = [];
    private readonly List<string> _dataDirectories = [];

    private readonly Lazy<string> _root = new(MakeRoot);

    public string Root => _root.Value;

    public static OsAccount? Account { get; } = OsAccount.IsRoot ? OsAccount.Find("postgres") : null;

    /// <summary>Programs of another version than the machine's newest, which may lack those of a client; null for the machine's.</summary>
    public string? OtherBinaries { get; init; }

    private string Bin => OtherBinaries ?? PostgresBinaries.Find(null);

    /// <summary>Options of a new server: a primary made by initdb, not started.</summary>
    public async Task<LocalPostgresOptions> CreatePrimaryAsync(string name, string extraSettings = "")
    {
        var options = NewOptions(name);
        await RunAsync("initdb", "-D", options.DataDirectory, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions");
        DurableFile.Write(
            Path.Combine(options.DataDirectory, "postgresql.conf"),
            $"""
            listen_addresses = '127.0.0.1'
            unix_socket_directories = ''
            wal_level = replica
            wal_log_hints = on
            wal_retrieve_retry_interval = 200ms
            wal_keep_size = 256MB
            shared_buffers = 16MB
            dynamic_shared_memory_type = mmap
            port = {options.Port.ToString(CultureInfo.InvariantCulture)}
            {extraSettings}

            """,
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            Account);
        return options;
    }

    /// <summary>Options of a new server that is a base backup of a running one, on a port of its own.</summary>
    public async Task<LocalPostgresOptions> CreateBackupAsync(string name, LocalPostgresOptions source)
    {
        var options = NewOptions(name);
        if (OtherBinaries is not null)
        {
            return await CreateCopyAsync(options, source);
        }

        await RunAsync(
            "pg_basebackup", "-D", options.DataDirectory, "-h", source.Host, "-p", source.Port.ToString(CultureInfo.InvariantCulture),
            "-U", "postgres", "-c", "fast", "-X", "stream", "--no-sync");
        return await SetPortAsync(options, source);
    }

    /// <summary>A copy of a server that is stopped for it: where there is no pg_basebackup.</summary>
    private async Task<LocalPostgresOptions> CreateCopyAsync(LocalPostgresOptions options, LocalPostgresOptions source)
    {
        var server = Open(source);
        await server.StopAsync(ShutdownMode.Fast, TestContext.Current.CancellationToken);
        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand("cp", ["-a", source.DataDirectory, options.DataDirectory]),
            Reason.PlaygroundFailed, ProgramTimeout, TimeProvider.System, TestContext.Current.CancellationToken);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return await SetPortAsync(options, source);
    }

    private static async Task<LocalPostgresOptions> SetPortAsync(LocalPostgresOptions options, LocalPostgresOptions source)
    {
        var conf = Path.Combine(options.DataDirectory, "postgresql.conf");
        var text = (await File.ReadAllTextAsync(conf, TestContext.Current.CancellationToken)).Replace(
            $"port = {source.Port}", $"port = {options.Port}", StringComparison.Ordinal);
        DurableFile.Write(conf, text, UnixFileMode.UserRead | UnixFileMode.UserWrite, Account);
        return options;
    }

    public LocalPostgresServer Open(LocalPostgresOptions options)
    {
        var server = new LocalPostgresServer(options, TimeProvider.System, NullLogger<LocalPostgresServer>.Instance);
        _servers.Add(server);
        return server;
    }

    public static async Task<string?> QueryAsync(LocalPostgresOptions options, string sql)
    {
        await using var connection = await ConnectAsync(options, "test");
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToString(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
    }

    public static async Task<NpgsqlConnection> ConnectAsync(LocalPostgresOptions options, string application)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = options.Host,
            Port = options.Port,
            Username = "postgres",
            Database = "postgres",
            ApplicationName = application,
            Pooling = false,
        }.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    /// <summary>Probes until the status is as wanted; fails with the last one when it is not within ten seconds.</summary>
    public static async Task<PostgresStatus> ProbeUntilAsync(LocalPostgresServer server, Func<PostgresStatus, bool> isWanted)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var status = await server.ProbeAsync(TestContext.Current.CancellationToken);
            if (isWanted(status))
            {
                return status;
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10), $"still {status}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        foreach (var directory in _dataDirectories)
        {
            var memory = PostmasterFile.Read(directory);
            var began = TimeProvider.System.GetTimestamp();
            while (DataDirectoryProcesses.FindAll(directory) is { Count: > 0 } left)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20), $"{directory}: {string.Join(' ', left)} left");
                foreach (var process in left)
                {
                    process.Signal(UnixSignal.Continue);
                    process.Signal(UnixSignal.Kill);
                }

                await Task.Delay(5, CancellationToken.None);
            }

            if (memory is not null)
            {
                SharedMemory.RemoveAbandoned(memory.SharedMemoryId, memory.Pid);
            }
        }

        _ports.Dispose();
        if (_root.IsValueCreated)
        {
            Directory.Delete(Root, recursive: true);
        }
    }

    private static string MakeRoot()
    {
        var root = Directory.CreateTempSubdirectory("pgc-lab-").FullName;
        Account?.Own(root);
        return root;
    }

    private LocalPostgresOptions NewOptions(string name)
    {
        var directory = Path.Combine(Root, name);
        _dataDirectories.Add(directory);
        return new LocalPostgresOptions
        {
            NodeName = name,
            Port = _ports.Take(),
            DataDirectory = directory,
            BinDirectory = OtherBinaries ?? "",
            LogFile = Path.Combine(Root, name + ".log"),
        };
    }

    private async Task RunAsync(string program, params string[] arguments) =>
        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand(Path.Combine(Bin, program), arguments) { Account = Account, WorkingDirectory = Root },
            Reason.PlaygroundFailed, ProgramTimeout, TimeProvider.System, TestContext.Current.CancellationToken);
}
