using System.Net.Sockets;
using PgCluster.Handoff.Linux;
using PgCluster.Handoff.Protocol;

namespace PgCluster.Handoff;

/// <summary>The owner's side of a handoff: one successor, from its welcome until it has said its last word.</summary>
internal sealed class Transfer(HandoffOptions options, HandoffChannel channel, HandoffPeer successor, DescriptorTable table)
{
    // From the moment the application is asked for its final state until somebody tells it how the handoff ended.
    private bool _isHeld;

    /// <summary>Hands everything over. When it returns, the successor has said all it has to say and waits for this process to step down.</summary>
    /// <exception cref="HandoffException">Protocol, StateRefused, System; OwnerLost when it is the successor that went away.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var descriptors = table.Entries;
        await channel.SendAsync(
            new HandoffMessage.Welcome(
                options.Id, successor.ProtocolVersion, [.. descriptors.Select(d => d.Info)], Takeover.VersionToSay(options, successor.ProtocolVersion)),
            cancellationToken).ConfigureAwait(false);
        HandoffLog.WelcomeSent(options.Logger, successor.Id);
        await OfferStateAsync(StateMoment.Preview, cancellationToken).ConfigureAwait(false);
        HandoffLog.StateOffered(options.Logger, successor.Id);
        foreach (var descriptor in descriptors)
        {
            await channel.SendDescriptorAsync(descriptor.Info.Id, (DescriptorHandle)descriptor.Copy, cancellationToken).ConfigureAwait(false);
            HandoffLog.DescriptorSent(options.Logger, descriptor.Info.Id);
        }

        HandoffLog.DescriptorsSent(options.Logger, successor.Id);
        await ExpectAsync<HandoffMessage.Ready>(cancellationToken).ConfigureAwait(false);
        HandoffLog.ReadyReceived(options.Logger, successor.Id);
        await OfferStateAsync(StateMoment.Final, cancellationToken).ConfigureAwait(false);
        HandoffLog.FinalStateOffered(options.Logger, successor.Id);
    }

    /// <summary>Tells the successor that it is the owner. Whether it hears it or not, this process is none any more.</summary>
    public async Task SayStepDownAsync(CancellationToken cancellationToken)
    {
        try
        {
            await channel.SendAsync(new HandoffMessage.SteppingDown(), cancellationToken).ConfigureAwait(false);
            HandoffLog.StepDownSaid(options.Logger, successor.Id);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            HandoffLog.StepDownNotSaid(options.Logger, successor.Id, e.Message);
        }
    }

    /// <summary>After a handoff that came to nothing: the application goes on, if it was held.</summary>
    public async Task ResumeAsync()
    {
        if (_isHeld && options.State is { } application)
        {
            try
            {
                await application.ResumeAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // It is the application's own; this process stays the owner all the same.
                HandoffLog.NotResumed(options.Logger, e);
            }
        }
    }

    /// <summary>Tells the successor why its handoff came to nothing.</summary>
    public Task RefuseAsync(Exception reason, CancellationToken cancellationToken)
    {
        var code = reason switch
        {
            OperationCanceledException => RefusalCode.Over,
            HandoffException { Error: HandoffError.StateRefused } => RefusalCode.State,
            HandoffException { Error: HandoffError.Protocol } => RefusalCode.Protocol,
            _ => RefusalCode.Failed,
        };
        return RefuseAsync(channel, code, Explain(reason), cancellationToken);
    }

    /// <summary>Tells the other process that nothing comes of it, if it still listens.</summary>
    public static async Task RefuseAsync(HandoffChannel channel, RefusalCode code, string reason, CancellationToken cancellationToken)
    {
        try
        {
            await channel.SendAsync(new HandoffMessage.Refused(code, reason), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // It is gone; the end of the connection says the same.
        }
    }

    /// <summary>Why a handoff came to nothing, for the log of either process.</summary>
    public string Explain(Exception reason) => reason is OperationCanceledException
        ? $"'{options.Id}' was stopped, or '{successor.Id}' was not ready within {options.UpgradeTimeout.TotalSeconds:0.###} s."
        : reason.Message;

    private async Task OfferStateAsync(StateMoment moment, CancellationToken cancellationToken)
    {
        if (successor.ProtocolVersion < ProtocolVersions.WithState)
        {
            return;
        }

        await channel.SendAsync(await CaptureAsync(moment, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        await ExpectAsync<HandoffMessage.Accepted>(cancellationToken).ConfigureAwait(false);
    }

    private async Task<HandoffMessage.State> CaptureAsync(StateMoment moment, CancellationToken cancellationToken)
    {
        if (options.State is not { } application)
        {
            return new HandoffMessage.State();
        }

        StateSnapshot snapshot;
        try
        {
            _isHeld = moment == StateMoment.Final;
            snapshot = await application.CaptureAsync(moment, successor, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            // Whatever it throws: without its state nothing is handed over, and the successor is to hear why.
            throw new HandoffException(HandoffError.StateRefused, $"'{options.Id}' does not hand its state over to '{successor.Id}': {e.Message}", e);
        }

        return snapshot.Content.Length <= StateSnapshot.MaxBytes
            ? new HandoffMessage.State(snapshot.Version, snapshot.Content.ToArray())
            : throw new HandoffException(
                HandoffError.StateRefused, $"'{options.Id}' has a state of {snapshot.Content.Length} bytes; at most {StateSnapshot.MaxBytes} can be handed over.");
    }

    private async Task ExpectAsync<T>(CancellationToken cancellationToken)
        where T : HandoffMessage
    {
        switch (await channel.ReceiveAsync(cancellationToken).ConfigureAwait(false))
        {
            case T:
                return;
            case null:
                throw new HandoffException(HandoffError.OwnerLost, $"'{successor.Id}' went away before it was the owner.");
            case var other:
                throw HandoffChannel.Unexpected(other);
        }
    }
}
