using System.Globalization;
using System.Text;

namespace PgCluster.Agent.Services;

/// <summary>Gauges in Prometheus' text format; all samples of a metric have to be added one after the other.</summary>
/// <param name="labels">Labels of every sample, as name="value" with commas between.</param>
internal sealed class PrometheusText(string labels)
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new();
    private string _metric = "";

    public void Gauge(string metric, string help, double value, string more = "")
    {
        if (metric != _metric)
        {
            _text.Append(CultureInfo.InvariantCulture, $"# HELP {metric} {help}\n# TYPE {metric} gauge\n");
            _metric = metric;
        }

        _text.Append(CultureInfo.InvariantCulture, $"{metric}{{{labels}{more}}} {value:R}\n");
    }

    public override string ToString() => _text.ToString();
}
