using System.Globalization;
using Npgsql;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>
/// One PostgreSQL for all tests of a collection, reachable under two addresses of loopback, so that a pooler can be pointed from one to the other.
/// </summary>
public sealed class PostgresInstance : IAsyncLifetime
{
    /// <summary>Addresses it listens on.</summary>
    public const string FirstHost = "127.0.0.1";

    public const string SecondHost = "127.0.0.2";

    private readonly string[] _settings;
    private readonly PostgresVersion? _version;

    private ServerProcess? _server;

    public PostgresInstance()
        : this([])
    {
    }

    /// <summary>One with settings of its own, each as name=value.</summary>
    internal PostgresInstance(params string[] settings) => _settings = settings;

    /// <summary>One of another major version than the machine's own.</summary>
    internal PostgresInstance(PostgresVersion version, params string[] settings)
        : this(settings) => _version = version;

    public int Port { get; private set; }

    /// <summary>Major version of the machine's own server.</summary>
    internal static int Major => int.Parse(Path.GetFileName(Path.GetDirectoryName(Own))!, CultureInfo.InvariantCulture);

    private static string Own => Directory.GetDirectories("/usr/lib/postgresql")
        .OrderByDescending(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
        .Select(path => Path.Combine(path, "bin"))
        .First(path => File.Exists(Path.Combine(path, "postgres")));

    private string Binaries => _version?.Binaries ?? Own;

    private string[] Libraries => _version?.Libraries is { } libraries ? [$"LD_LIBRARY_PATH={libraries}"] : [];

    public async ValueTask InitializeAsync()
    {
        _server = await ServerProcess.CreateAsync("postgres");
        var data = Path.Combine(_server.DirectoryPath, "data");
        await ServerProcess.RunAsServerUserAsync(
            "env", [.. Libraries, Path.Combine(Binaries, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"]);
        Port = ServerProcess.FreePort();
        await StartAsync();
    }

    /// <summary>Kills the postmaster, waits until its children have followed it, and starts it again.</summary>
    internal async Task CrashAsync()
    {
        await _server!.StopAsync(NativeMethods.SigKill);
        await _server.WaitForChildrenAsync();
        await StartAsync();
    }

    private async Task StartAsync()
    {
        var data = Path.Combine(_server!.DirectoryPath, "data");
        string[] arguments =
        [
            "-D", data,
            "-p", Port.ToString(CultureInfo.InvariantCulture),
            "-c", $"listen_addresses={FirstHost},{SecondHost}",
            "-c", $"unix_socket_directories={_server.DirectoryPath}",
            "-c", "fsync=off",
            "-c", "max_connections=200",
            .. _settings.SelectMany(setting => new[] { "-c", setting }),
        ];
        _server.Start("env", [.. Libraries, Path.Combine(Binaries, "postgres"), .. arguments]);
        await ServerProcess.WaitAsync(
            "PostgreSQL to accept connections",
            async () =>
            {
                Assert.False(_server.HasExited, await _server.ReadOutputAsync());
                try
                {
                    await ExecuteAsync("SELECT 1");
                    return true;
                }
                catch (NpgsqlException)
                {
                    return false;
                }
            });
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(Port, "postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.StopAsync(NativeMethods.SigInt);
            await _server.DisposeAsync();
        }
    }

    /// <summary>For a connection that is one: no pool, no queries of its own.</summary>
    internal static string ConnectionString(int port, string database, string user = "postgres") => new NpgsqlConnectionStringBuilder
    {
        Host = FirstHost,
        Port = port,
        Database = database,
        Username = user,
        Pooling = false,
        Timeout = 30,
        CommandTimeout = 30,
    }.ConnectionString + ";Server Compatibility Mode=NoTypeLoading";
}
