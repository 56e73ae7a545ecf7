using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Switchover;

/// <summary>What a participant logs; events 4000 to 4019.</summary>
internal static partial class SwitchoverNodeLog
{
    [LoggerMessage(4000, LogLevel.Information, "Switchover participant {Node}: {From} to {To} at message {Position} ({Type} from {Sender})")]
    internal static partial void Moved(ILogger logger, Guid node, SwitchoverState from, SwitchoverState to, long position, string type, Guid sender);

    [LoggerMessage(4001, LogLevel.Error, "Switchover participant {Node}: given up while {From}: {Error}")]
    internal static partial void GivenUp(ILogger logger, Guid node, SwitchoverState from, string error);

    [LoggerMessage(4002, LogLevel.Warning, "Switchover participant {Node}: the log cannot be read, tried again: {Error}")]
    internal static partial void ReadFailed(ILogger logger, Guid node, string error);

    [LoggerMessage(4003, LogLevel.Warning, "Switchover participant {Node}: {Type} not appended, tried again: {Error}")]
    internal static partial void AppendFailed(ILogger logger, Guid node, string type, string error);

    [LoggerMessage(4004, LogLevel.Error, "Switchover participant {Node}: the application was not resumed, tried again: {Error}")]
    internal static partial void ResumeFailed(ILogger logger, Guid node, string error);

    [LoggerMessage(4005, LogLevel.Error, "Switchover participant {Node}: {What} failed: {Error}")]
    internal static partial void WorkFailed(ILogger logger, Guid node, string what, string error);

    [LoggerMessage(4006, LogLevel.Information, "Switchover participant {Node}: the application is paused")]
    internal static partial void Paused(ILogger logger, Guid node);

    [LoggerMessage(4007, LogLevel.Information, "Switchover participant {Node}: the application works again")]
    internal static partial void Resumed(ILogger logger, Guid node);
}
