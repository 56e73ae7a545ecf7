using Microsoft.Extensions.Logging;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>Does something when a handoff logs that it has done a step.</summary>
internal sealed class OnStep(string step, Action act) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Name == step)
        {
            act();
        }
    }
}
