using System.Collections.Concurrent;
using Npgsql;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Clients that insert through a pooler for as long as they live, each on one connection, and remember which server took what.</summary>
internal sealed class RouteWriters : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<int> _ports = [];
    private readonly ConcurrentQueue<string> _errors = [];
    private readonly Task[] _writers;
    private readonly ConcurrentDictionary<int, int> _last = [];

    private RouteWriters(string connectionString, int writers) =>
        _writers = [.. Enumerable.Range(0, writers).Select(writer => Task.Run(() => WriteAsync(connectionString, writer)))];

    /// <summary>What went wrong, in words.</summary>
    public IReadOnlyCollection<string> Errors => _errors;

    /// <summary>Acknowledged rows by the port of the server that took them.</summary>
    public IReadOnlyDictionary<int, int> Acknowledged => _ports.CountBy(port => port).ToDictionary();

    public static RouteWriters Start(string connectionString, int writers = 16) => new(connectionString, writers);

    /// <summary>True when the last row of each of them went there.</summary>
    public bool AllWriteTo(int port) => _last.Count == _writers.Length && _last.Values.All(last => last == port);

    /// <summary>Lets the inserts in flight end.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task WriteAsync(string connectionString, int writer)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync();
            while (!_stop.IsCancellationRequested)
            {
                await using var command = new NpgsqlCommand("INSERT INTO route_writes DEFAULT VALUES RETURNING inet_server_port()", connection);
                var port = (int)(await command.ExecuteScalarAsync())!;
                _ports.Enqueue(port);
                _last[writer] = port;
            }
        }
        catch (NpgsqlException e)
        {
            // Its end is a failure of the test: none of them may see an error.
            _errors.Enqueue($"writer {writer}: {e.Message}");
        }
    }
}
