// The commands by which other players show a stream.
import { forPeople } from "./api.js";

// commandsFor is pairs of a player and its command. ports are those of RTSP and camcast://, null where that is off;
// user is who has opened the page.
export function commandsFor(stream, ports, user) {
  const who = user ? `${encodeURIComponent(user)}:PASSWORD@` : "";
  const at = (scheme, port) => `${scheme}://${who}${location.hostname}:${port}/${stream.name}`;
  const origin = forPeople(who);
  const isJPEG = stream.format === "JPEG";
  const byHTTP = `${origin}/${stream.name}.${isJPEG ? "mjpg" : "mp4"}`;
  const [depay, demux] = {
    "H.264": ["rtph264depay ! decodebin", "qtdemux ! decodebin"],
    "H.265": ["rtph265depay ! decodebin", "qtdemux ! decodebin"],
  }[stream.format] ?? ["rtpjpegdepay ! jpegdec", "multipartdemux ! jpegdec"];
  const show = "videoconvert ! autovideosink";
  const url = ports.rtsp ? at("rtsp", ports.rtsp) : byHTTP;
  const source = ports.rtsp ? `rtspsrc location=${url} latency=100 ! ${depay}` : `souphttpsrc location=${url} is-live=true ! ${demux}`;
  const script = ["import cv2", `v = cv2.VideoCapture("${url}")`, "while True:", "    ok, picture = v.read()", "    if not ok: break",
    `    cv2.imshow("${stream.name}", picture)`, "    cv2.waitKey(1)"].join("\n");
  const isKnown = stream.format !== ""; // it is not as long as a camera was never there
  const commands = [];
  if (isKnown || ports.rtsp) commands.push(["ffplay", `ffplay -fflags nobuffer -flags low_delay ${url}`]);
  if (isKnown) commands.push(["VLC", `vlc --network-caching 100 ${byHTTP}`], ["GStreamer", `gst-launch-1.0 ${source} ! ${show}`]);
  if (isKnown || ports.rtsp) commands.push(["OpenCV", `python3 -c '${script}'`]);
  commands.push(["curl, one picture", `curl -o ${stream.name}.jpg ${origin}/${stream.name}.jpg`]);
  if (ports.camcast) commands.unshift(["camview, in a terminal", `camview ${at("camcast", ports.camcast)}`]);
  return commands;
}
