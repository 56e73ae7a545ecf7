using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>Upgrades under a thousand new connections a second: TR-20. Nobody is refused, nobody is reset, everybody gets an answer.</summary>
public sealed partial class LoadTests : IAsyncDisposable
{
    private const int Upgrades = 4;
    private const int ConnectionsPerSecond = 1000;

    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public Task TR_20_plain_sockets() => UpgradeAsync("--echo", "hello\n");

    [Fact]
    public Task TR_20_kestrel() => UpgradeAsync("--http", "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    [GeneratedRegex(@"\bp\d+\b")]
    private static partial Regex AnsweredBy { get; }

    private async Task UpgradeAsync(string kind, string request)
    {
        string[] arguments = [kind, "api=127.0.0.1:0"];
        var current = await _folder.OwnerAsync("p0", arguments);
        var api = await current.EndPointAsync("api");
        using var load = new Load(kind, api, Encoding.ASCII.GetBytes(request));
        var running = Task.Run(load.RunAsync, TestContext.Current.CancellationToken);
        for (var i = 1; i <= Upgrades; i++)
        {
            var id = $"p{i}";
            var next = await _folder.OwnerAsync(id, arguments);
            Assert.Equal(0, await current.ExitAsync());
            await Fixtures.Poll.UntilAsync($"{id} has served somebody", () => load.Served.ContainsKey(id) || load.Failures.Any());
            Assert.Empty(load.Failures);
            current = next;
        }

        load.Stop();
        await running.WaitAsync(Fixtures.Poll.Budget, TestContext.Current.CancellationToken);
        Assert.Empty(load.Failures);
        Assert.Equal(Upgrades + 1, load.Served.Count);
        TestContext.Current.TestOutputHelper?.WriteLine($"{load.Served.Values.Sum()} connections in {load.Elapsed.TotalSeconds:0.0} s");
    }

    /// <summary>New connections at an even pace, one request each.</summary>
    private sealed class Load(string kind, EndPoint api, byte[] request) : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentDictionary<string, int> _served = new(StringComparer.Ordinal);
        private readonly ConcurrentQueue<string> _failures = new();

        public IReadOnlyDictionary<string, int> Served => _served;

        public IEnumerable<string> Failures => _failures;

        public TimeSpan Elapsed { get; private set; }

        public void Stop() => _stop.Cancel();

        public void Dispose() => _stop.Dispose();

        public async Task RunAsync()
        {
            var clock = Stopwatch.StartNew();
            List<Task> open = [];
            for (var begun = 0; !_stop.IsCancellationRequested;)
            {
                // What is due by now, at once: a busy machine catches up, but never with more than a listener can queue.
                for (var due = Math.Min((int)(clock.Elapsed.TotalSeconds * ConnectionsPerSecond), begun + 100); begun < due; begun++)
                {
                    open.Add(AskAsync());
                }

                open.RemoveAll(task => task.IsCompleted);
                while (open.Count > 400)
                {
                    await Task.WhenAny(open);
                    open.RemoveAll(task => task.IsCompleted);
                }

                await Task.Delay(1);
            }

            await Task.WhenAll(open);
            Elapsed = clock.Elapsed;
        }

        private async Task AskAsync()
        {
            try
            {
                // Closed with a reset: a thousand a second that linger would use up the ports in which other tests listen.
                using var socket = new Socket(api.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(enable: true, seconds: 0) };
                await socket.ConnectAsync(api);
                await socket.SendAsync(request, SocketFlags.None);

                // The echo answers with a line, and ends with its client; HTTP ends when it has answered.
                var answer = new byte[1024];
                var length = 0;
                while ((length == 0 || kind == "--http" || answer[length - 1] != '\n')
                    && await socket.ReceiveAsync(answer.AsMemory(length), SocketFlags.None) is > 0 and var read)
                {
                    length += read;
                }

                if (AnsweredBy.Match(Encoding.ASCII.GetString(answer, 0, length)) is { Success: true } match)
                {
                    _served.AddOrUpdate(match.Value, 1, (_, count) => count + 1);
                }
                else
                {
                    _failures.Enqueue("closed without an answer");
                }
            }
            catch (SocketException e)
            {
                _failures.Enqueue(e.Message);
            }
        }
    }
}
