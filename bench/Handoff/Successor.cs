using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using PgCluster.Handoff;

namespace PgCluster.Bench.Handoff;

/// <summary>A daemon that does nothing but take over.</summary>
internal static class Successor
{
    public const string Name = "successor";

    public static async Task<int> RunAsync(string directory, string id, int listeners)
    {
        var clock = new LockClock();
        await using var handoff = await ProcessHandoff.StartAsync(new HandoffOptions { Directory = directory, Id = id, Logger = clock });
        for (var i = 0; i < listeners; i++)
        {
            _ = handoff.Descriptors.Listen(string.Create(CultureInfo.InvariantCulture, $"listener-{i}"), new IPEndPoint(IPAddress.Loopback, 0));
        }

        await handoff.ReadyAsync();
        Child.Say(Stopwatch.GetElapsedTime(clock.Locked).TotalMilliseconds);
        return 0;
    }

    /// <summary>Knows when the lock was taken.</summary>
    private sealed class LockClock : ILogger
    {
        public long Locked { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "LockTaken")
            {
                Locked = Stopwatch.GetTimestamp();
            }
        }
    }
}
