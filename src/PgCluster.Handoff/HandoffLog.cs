using Microsoft.Extensions.Logging;

namespace PgCluster.Handoff;

/// <summary>
/// What a handoff logs, each step of it once; events 8000 to 8099. At level Debug the two logs together tell how far a handoff came. Tests stop a process
/// at these steps: a step is logged after it was done, and on the thread that does the next one.
/// </summary>
internal static partial class HandoffLog
{
    [LoggerMessage(8000, LogLevel.Debug, "Another process has '{Lock}': waiting for it")]
    internal static partial void LockHeld(ILogger logger, string @lock);

    [LoggerMessage(8001, LogLevel.Debug, "Has the lock")]
    internal static partial void LockTaken(ILogger logger);

    [LoggerMessage(8002, LogLevel.Information, "Removed '{Socket}', which a dead process left behind")]
    internal static partial void StaleSocketRemoved(ILogger logger, string socket);

    [LoggerMessage(8003, LogLevel.Debug, "Takes requests as '{Id}'")]
    internal static partial void SocketBound(ILogger logger, string id);

    [LoggerMessage(8004, LogLevel.Warning, "The last owner, '{Owner}', is gone: nobody owns")]
    internal static partial void StaleOwner(ILogger logger, string owner);

    [LoggerMessage(8005, LogLevel.Debug, "Asked '{Owner}' for its descriptors")]
    internal static partial void HelloSent(ILogger logger, string owner);

    [LoggerMessage(8006, LogLevel.Debug, "'{Owner}' cannot be asked now: {Reason}")]
    internal static partial void OwnerBusy(ILogger logger, string owner, string reason);

    [LoggerMessage(8007, LogLevel.Debug, "'{Owner}' has {Count} descriptors and speaks protocol {Version}")]
    internal static partial void Welcomed(ILogger logger, string owner, int count, uint version);

    [LoggerMessage(8008, LogLevel.Debug, "Can go on from what '{Owner}' knows")]
    internal static partial void StateAccepted(ILogger logger, string owner);

    [LoggerMessage(8009, LogLevel.Debug, "Has {Count} descriptors of '{Owner}'")]
    internal static partial void DescriptorsReceived(ILogger logger, int count, string owner);

    [LoggerMessage(8010, LogLevel.Debug, "Said to '{Owner}' that this process is ready")]
    internal static partial void ReadySent(ILogger logger, string owner);

    [LoggerMessage(8011, LogLevel.Debug, "Has accepted the final state of '{Owner}'")]
    internal static partial void FinalStateAccepted(ILogger logger, string owner);

    [LoggerMessage(8012, LogLevel.Debug, "'{Owner}' has stepped down")]
    internal static partial void OwnerSteppedDown(ILogger logger, string owner);

    [LoggerMessage(8013, LogLevel.Debug, "'{Id}' is on record as the owner")]
    internal static partial void OwnerRecorded(ILogger logger, string id);

    [LoggerMessage(8014, LogLevel.Information, "'{Id}' is the owner")]
    internal static partial void BecameOwner(ILogger logger, string id);

    [LoggerMessage(8015, LogLevel.Information, "Closed '{Descriptor}', which came from the process before and nobody asked for")]
    internal static partial void UnusedClosed(ILogger logger, string descriptor);

    [LoggerMessage(8016, LogLevel.Warning, "The takeover came to nothing: {Reason}")]
    internal static partial void TakeoverFailed(ILogger logger, string reason);

    [LoggerMessage(8030, LogLevel.Information, "'{Successor}' (process {ProcessId}, version {Version}) takes over")]
    internal static partial void Requested(ILogger logger, string successor, int processId, string? version);

    [LoggerMessage(8031, LogLevel.Debug, "A process was refused: {Reason}")]
    internal static partial void RequestRefused(ILogger logger, string reason);

    [LoggerMessage(8032, LogLevel.Warning, "Process {ProcessId} of user {User} may not take over: it is neither of this user nor of root")]
    internal static partial void PeerNotTrusted(ILogger logger, int processId, uint user);

    [LoggerMessage(8033, LogLevel.Debug, "Told '{Successor}' what there is")]
    internal static partial void WelcomeSent(ILogger logger, string successor);

    [LoggerMessage(8034, LogLevel.Debug, "'{Successor}' can go on from what this process knows")]
    internal static partial void StateOffered(ILogger logger, string successor);

    [LoggerMessage(8035, LogLevel.Debug, "Passed '{Descriptor}'")]
    internal static partial void DescriptorSent(ILogger logger, string descriptor);

    [LoggerMessage(8036, LogLevel.Debug, "Passed everything to '{Successor}'")]
    internal static partial void DescriptorsSent(ILogger logger, string successor);

    [LoggerMessage(8037, LogLevel.Debug, "'{Successor}' is ready")]
    internal static partial void ReadyReceived(ILogger logger, string successor);

    [LoggerMessage(8038, LogLevel.Debug, "'{Successor}' has accepted the final state")]
    internal static partial void FinalStateOffered(ILogger logger, string successor);

    [LoggerMessage(8039, LogLevel.Information, "Steps down for '{Successor}'")]
    internal static partial void SteppedDown(ILogger logger, string successor);

    [LoggerMessage(8040, LogLevel.Debug, "Told '{Successor}' that it is the owner")]
    internal static partial void StepDownSaid(ILogger logger, string successor);

    [LoggerMessage(8041, LogLevel.Warning, "'{Successor}' may not know that it is the owner: {Reason}. This process steps down in any case")]
    internal static partial void StepDownNotSaid(ILogger logger, string successor, string reason);

    [LoggerMessage(8042, LogLevel.Warning, "'{Successor}' has not taken over, and this process stays what it was: {Reason}")]
    internal static partial void TransferFailed(ILogger logger, string successor, string reason);

    [LoggerMessage(8043, LogLevel.Error, "The application could not go on after a handoff that came to nothing")]
    internal static partial void NotResumed(ILogger logger, Exception exception);

    [LoggerMessage(8044, LogLevel.Error, "A request could not be accepted: trying again")]
    internal static partial void AcceptFailed(ILogger logger, Exception exception);

    [LoggerMessage(8045, LogLevel.Debug, "A request broke off")]
    internal static partial void RequestBroke(ILogger logger, Exception exception);

    [LoggerMessage(8050, LogLevel.Information, "'{Id}' takes no more part")]
    internal static partial void Stopped(ILogger logger, string id);

    [LoggerMessage(8051, LogLevel.Warning, "Could not clear the coordination directory, which the next start does: {Reason}")]
    internal static partial void NotCleared(ILogger logger, string reason);
}
